// Plots of a page: scales, axes and curves as text of SVG, at the size that the page gives them.

const ROOM = { left: 70, right: 12, top: 8, bottom: 42 };
const LETTER = 6.6; // width of a digit of a tick
const STEPS = [1, 2, 5, 10];

// A number as few characters, with a true minus.
function short(value) {
  const size = Math.abs(value), plain = !size || (size >= 1e-4 && size < 1e4);
  const digits = plain ? String(Number(value.toPrecision(6))) : value.toExponential().replace("e+", "e");
  return digits.replaceAll("-", "\u2212");
}

// Scales: `at` takes a value to 0..1, `ticks` gives values to mark, the most important first.
function linear(low, high) {
  const ticks = (most) => {
    const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
    const step = size * STEPS.find((s) => s * size >= rough), found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
    return found;
  };
  return { at: (value) => (value - low) / (high - low), ticks };
}

function logarithmic(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const ticks = (most) => {
    const every = Math.ceil((last - first) / most), found = [];
    for (let d = first; d <= last; d++) if (d % every === 0) found.push(10 ** d);
    if (last - first < most / 2) {
      for (const s of [2, 5]) for (let d = first; d <= last; d++) found.push(s * 10 ** d);
    }
    return found.filter((tick) => tick >= low && tick <= high);
  };
  return { at: (value) => Math.log(Math.max(value, low) / low) / Math.log(high / low), ticks };
}

// p as the angle arcsin sqrt p: a binomial share varies as much everywhere, extrema of e are as wide.
const ANGLE = {
  at: (p) => Math.asin(Math.sqrt(p)) / (Math.PI / 2),
  ticks: () => [0, 1, 0.5, 0.1, 0.9, 0.01, 0.25, 0.75, 0.99, 0.05, 0.95],
};

// Shapes of marks, centred, within 5 of 0; a dash in front: drawn as a line.
const SHAPES = {
  log_count: "M-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0Z",
  log_smoothed: "-M-5 0H5M0-5V5",
  miller_madow: "M0-5 5 4H-5Z",
  taylor: "-M-4-4 4 4M-4 4 4-4",
  jackknife: "M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",
  harmonic: "M-4-4H4V4H-4Z",
  schuermann: "M0-5.5 5 0 0 5.5-5 0Z",
  subsets: "-M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z",
};
SHAPES.plug_in = SHAPES.log_count;

function shape(series, more = "") {
  const path = SHAPES[series], line = path.startsWith("-");
  return `<path class="${line ? "line" : "solid"} ${more}" d="${line ? path.slice(1) : path}"/>`;
}

// One plot: what is added is drawn in that order by `draw`; x and y take values to pixels.
// titles: what is on its axes, with the unit, [across, up].
class Plot {
  constructor(svg, across, up, titles) {
    this.svg = svg;
    this.width = Math.max(svg.clientWidth - ROOM.left - ROOM.right, 1);
    this.height = svg.clientHeight - ROOM.top - ROOM.bottom;
    this.x = (value) => ROOM.left + this.width * across.at(value);
    this.y = (value) => ROOM.top + this.height * (1 - up.at(value));
    this.parts = [];
    this._axes(across.ticks(this.width / 70), up.ticks(this.height / 36));
    this._titles(...titles);
  }

  _titles(across, up) {
    const x = ROOM.left + this.width / 2, y = ROOM.top + this.height / 2;
    this.words(x, ROOM.top + this.height + 36, across, "title", "middle");
    this.parts.push(`<text class="title" transform="translate(12 ${y.toFixed(1)}) rotate(-90)" text-anchor="middle">${up}</text>`);
  }

  _axes(across, up) {
    const left = ROOM.left, right = left + this.width, top = ROOM.top, bottom = top + this.height;
    for (const tick of up) {
      const y = this.y(tick).toFixed(1);
      this.parts.push(`<path class="grid" d="M${left} ${y}H${right}"/>`);
      this.parts.push(`<text class="tick" x="${left - 7}" y="${y}" dy=".33em" text-anchor="end">${short(tick)}</text>`);
    }
    const taken = [];
    for (const tick of across) {
      const words = short(tick), half = (words.length * LETTER) / 2;
      const x = this.x(tick), middle = Math.min(Math.max(x, left), right + ROOM.right - half);
      if (taken.some(([a, b]) => middle - half < b + 5 && middle + half > a - 5)) continue;
      taken.push([middle - half, middle + half]);
      this.parts.push(`<path class="axis" d="M${x.toFixed(1)} ${bottom}v4"/>`);
      this.parts.push(`<text class="tick" x="${middle.toFixed(1)}" y="${bottom + 17}" text-anchor="middle">${words}</text>`);
    }
    this.parts.push(`<path class="axis" d="M${left} ${bottom}H${right}"/>`);
  }

  // A line through points, cut off where it leaves the plot.
  curve(xs, ys, kind) {
    const points = xs.map((x, i) => `${this.x(x).toFixed(1)} ${this.y(ys[i]).toFixed(2)}`);
    const { left, top } = ROOM, id = `cut-${this.svg.id}`;
    this.parts.push(`<clipPath id="${id}"><rect x="${left}" y="${top - 1}" width="${this.width + 1}" height="${this.height + 2}"/></clipPath>`);
    this.parts.push(`<path class="${kind}" clip-path="url(#${id})" d="M${points.join("L")}"/>`);
  }

  level(value, kind) {
    const y = this.y(value).toFixed(1);
    this.parts.push(`<path class="${kind}" d="M${ROOM.left} ${y}h${this.width}"/>`);
  }

  spot(x, y, radius, kind) {
    const place = `cx="${this.x(x).toFixed(1)}" cy="${this.y(y).toFixed(1)}"`;
    this.parts.push(`<circle class="${kind}" ${place} r="${radius}"/>`);
  }

  mark(x, y, series, more) {
    const place = `translate(${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)})`;
    this.parts.push(`<g transform="${place}">${shape(series, more)}</g>`);
  }

  words(x, y, text, kind, anchor = "start") {
    this.parts.push(`<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${text}</text>`);
  }

  draw() {
    this.svg.innerHTML = `${this.parts.join("")}<g class="cross"></g>`;
  }

  // A thin line across the plot at x, or none.
  cross(x) {
    const top = ROOM.top, line = x === null ? "" : `<path d="M${this.x(x).toFixed(1)} ${top}v${this.height}"/>`;
    this.svg.querySelector(".cross").innerHTML = line;
  }
}
