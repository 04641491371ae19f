// What is chosen, and what the page shows of it.

const data = JSON.parse(document.getElementById("data").textContent);
const SAMPLES = [512, 16, 1600]; // at least, per extremum of e, at most
const UNBIASED = 1e-9; // of the greatest bias: less is the rounding of a table without bias
const NEAR = 16; // pixels from a mark at which a click means it
const BEYOND = 10; // times the noise where the curve ends: marks further right are not shown
const CLOSE = 16; // noise that trainers can afford, shown larger
const PROBABILITY = "p, the probability of an answer";
const MARGIN = 1.25; // factor between the outermost points and the end of an axis

const byId = (id) => document.getElementById(id);
const numbers = (texts) => texts.map(Number);
const greatest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const minus = (text) => text.replaceAll("-", "\u2212");

const count = Math.min(Math.max(SAMPLES[0], SAMPLES[1] * (data.K + 2)), SAMPLES[2]);
const ps = Array.from({ length: count + 1 }, (_, i) => Math.sin((Math.PI * i) / (2 * count)) ** 2);
const binomial = new Binomial(data.K, ps);
const shares = Array.from({ length: data.K + 1 }, (_, k) => Math.log((k + 1) / (data.K + 1)));

const looked = (found) => ({
  ...found,
  x: Number(found.noise),
  y: Number(found.table.bias.upper),
  entries: numbers(found.table.coefficients),
});
const plain = { entries: numbers(data.plug_in) };
// The curves of tables of each shape, first the one that was asked for; `points` are those of the chosen one.
const families = [data, ...data.others].map(({ shape, points }) => ({ shape, points: points.map(looked) }));
const marks = data.marks.map(looked);
let points = families[0].points;
const end = greatest(families.map((family) => family.points.at(-1).x));
const start = points.findLastIndex((point) => point.x <= 8);

let chosen = points[Math.max(start, 0)];
let plots = {};

function curves(table) {
  table.curves ??= binomial.curves(table.entries, data.target, data.criterion);
  return table.curves;
}

// What lies on the axes as they are: everything, or what has little noise.
function seen() {
  const most = byId("near").checked && chosen.x <= CLOSE ? CLOSE : BEYOND * end;
  return [...points, ...marks].filter((spot) => spot.x <= most);
}

function drawFrontier() {
  const spots = seen(), last = greatest(spots.map((spot) => spot.x));
  const beyond = families.flatMap((family) => family.points).filter((point) => point.x <= last);
  const most = greatest([...spots, ...beyond].map((spot) => spot.y)), least = Number(data.least);
  const heights = [least, ...[...spots, ...beyond].map((spot) => spot.y)].filter((y) => y > UNBIASED * most);
  const xs = [...spots, ...beyond].map((spot) => spot.x);
  const across = logarithmic(Math.min(...xs) / MARGIN, Math.max(...xs) * MARGIN);
  const titles = ["noise, in plug-in units", `sup|e|${data.unit}`];
  const plot = new Plot(byId("frontier"), across, logarithmic(Math.min(...heights) / MARGIN, most * MARGIN), titles);
  if (least) {
    plot.level(least, "least");
    plot.words(ROOM.left + 6, plot.y(least) - 6, `E*(${data.K})`, "label");
  }
  plot.curve(points.map((point) => point.x), points.map((point) => point.y), "this");
  for (const family of families.filter((each) => each.points !== points)) {
    const kind = `family ${family.shape}`, end = family.points.at(-1);
    plot.curve(family.points.map((point) => point.x), family.points.map((point) => point.y), kind);
    if (end.x <= last) plot.spot(end.x, end.y, 4, kind);
  }
  for (const spot of spots) {
    if (spot.series) plot.mark(spot.x, spot.y, spot.series, spot === chosen ? "on" : "");
    else plot.spot(spot.x, spot.y, 4, "this");
    if (spot.y <= UNBIASED * most) plot.words(plot.x(spot.x) - 8, plot.y(spot.y) - 6, "no bias", "label", "end");
  }
  if (spots.includes(chosen)) plot.spot(chosen.x, chosen.y, 9, "chosen");
  plot.svg.setAttribute("aria-label", `Least bias against noise, ${points.length} points; chosen: ${spoken()}`);
  plot.draw();
  plots.frontier = plot;
}

function drawCurves() {
  const mine = curves(chosen), theirs = curves(plain), even = byId("even").checked;
  const across = even ? linear(0, 1) : ANGLE, least = Number(data.least);
  const held = byId("close").checked ? [0] : theirs.bias;
  const own = 1.08 * Math.max(chosen.y, least, UNBIASED * greatest(theirs.bias));
  const up = linear(Math.min(-own, ...held), Math.max(own, 1.04 * greatest(held)));
  const bias = new Plot(byId("bias-curve"), across, up, [PROBABILITY, `weighted bias e(p)${data.unit}`]);
  bias.curve(ps, theirs.bias, "plain");
  for (const side of [-1, 1]) {
    if (least) bias.level(side * least, "least");
    bias.level(side * chosen.y, "own");
  }
  bias.curve(ps, mine.bias, "this");
  bias.svg.setAttribute("aria-label", `Weighted bias e(p) for p from 0 to 1: ${spoken()}`);
  const top = 1.06 * Math.max(greatest(mine.noise), greatest(theirs.noise));
  const noise = new Plot(byId("noise-curve"), across, linear(0, top || 1), [PROBABILITY, `noise${data.unit.replace("s)", "s\u00b2)")}`]);
  noise.curve(ps, theirs.noise, "plain");
  noise.curve(ps, mine.noise, "this");
  noise.svg.setAttribute("aria-label", `Noise for p from 0 to 1: ${spoken()}`);
  bias.draw();
  noise.draw();
  plots.curves = [bias, noise];
}

function drawCoefficients() {
  const all = [...chosen.entries, ...plain.entries], low = Math.min(...all), high = Math.max(...all);
  const pad = 0.06 * (high - low) || 1;
  const across = linear(shares[0] * 1.03, -shares[0] * 0.03), titles = ["log((k+1)/(K+1))", `entry${data.unit}`];
  const plot = new Plot(byId("coefficients"), across, linear(low - pad, high + pad), titles);
  const size = data.K > 100 ? 2 : 3.2;
  plot.curve(shares, plain.entries, "plain");
  plot.curve(shares, chosen.entries, "this");
  for (let k = 0; k <= data.K; k++) plot.spot(shares[k], chosen.entries[k], size, "this");
  plot.svg.setAttribute("aria-label", `Coefficients c_0 to c_${data.K}: ${spoken()}`);
  plot.draw();
  plots.coefficients = plot;
}

const spoken = (table = chosen) => `${table.heading}, sup|e| ${table.shown[1]}`;

const nearest = (spots, distance) => spots.reduce((a, b) => (distance(b) < distance(a) ? b : a));

// The point of the curve with about the noise of a table.
const beside = (table) => nearest(points, (point) => Math.abs(Math.log(point.x / table.x)));

function write() {
  [byId("noise").textContent, byId("bias").textContent, byId("times").textContent] = chosen.shown.map(minus);
  byId("below").textContent = chosen.beside;
  byId("name").textContent = chosen.heading;
  const rows = chosen.rows.map(([name, value, meaning]) => [name, minus(value), meaning]);
  byId("rows").replaceChildren(...rows.flatMap(row), ...(chosen.code ? code(chosen.code) : []));
  const list = document.querySelector("[name=form]:checked").value === "list";
  byId("text").value = list ? `[${chosen.table.coefficients.join(", ")}]` : JSON.stringify(chosen.table);
  byId("copied").textContent = "";
  for (const [i, button] of [...byId("marks").children].entries()) button.setAttribute("aria-pressed", marks[i] === chosen);
  byId("slider").max = points.length - 1;
  byId("slider").value = points.indexOf(beside(chosen));
  for (const [i, radio] of document.querySelectorAll("[name=family]").entries()) radio.checked = families[i].points === points;
  byId("slider").setAttribute("aria-valuetext", spoken());
}

function element(kind, text, ...inside) {
  const found = document.createElement(kind);
  found.append(...typeset(text), ...inside);
  return found;
}

// Text in which c_X and c_k have what is below the line there, and a minus is one.
function typeset(text) {
  return text.replaceAll(" - ", " \u2212 ").split(/(?<=c)_([Xk])/).map((part, i) => (i % 2 ? subscript(part) : part));
}

function subscript(text) {
  const found = document.createElement("sub");
  found.textContent = text;
  return found;
}

const row = ([name, value, meaning]) => [element("dt", name), element("dd", value, element("span", meaning))];

// Python that may be broken after a module's dot.
function code(text) {
  const parts = text.split(/(?<=[a-z]\.)/).flatMap((part) => [part, element("wbr", "")]);
  return [
    element("dt", "in Python"), element("dd", "", element("code", "t = ", ...parts)),
    element("dt", "rewards"), element("dd", "", element("code", data.look_up)),
  ];
}

// Choose a table, and the curve that it is on.
function take(table) {
  const family = families.find((each) => each.points.includes(table));
  if (family) points = family.points;
  chosen = table;
  return family;
}

function choose(table) {
  const family = take(table);
  const kind = family === families[0] ? "point" : family?.shape;
  const own = family ? `#${kind}=${points.indexOf(table)}` : `#mark=${table.label}`;
  history.replaceState(null, "", own.replaceAll(" ", "_"));
  show();
}

function show() {
  drawFrontier();
  drawCurves();
  drawCoefficients();
  write();
}

// #point=12 of the first curve, #monotone=3 of that of a shape, or #mark=schuermann
function fromAddress() {
  const [kind, name] = location.hash.slice(1).split("=");
  const family = kind === "point" ? families[0] : families.find((each) => each.shape === kind);
  if (family) return family.points[Number(name)];
  return marks.find((mark) => kind === "mark" && mark.label.replaceAll(" ", "_") === name);
}

// The mark that a place on the frontier means, or the point of the curve above or below it.
function meant(event, alsoMarks) {
  const plot = plots.frontier, box = plot.svg.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const far = (spot) => Math.hypot(plot.x(spot.x) - x, plot.y(spot.y) - y);
  const spot = nearest(seen(), far);
  if (alsoMarks && far(spot) < NEAR) return spot;
  return nearest(points, (point) => Math.abs(plot.x(point.x) - x));
}

// How the arrow keys move along the curve; from a mark, from the point beside it.
const MOVES = { ArrowLeft: (i) => i - 1, ArrowRight: (i) => i + 1, Home: () => 0, End: () => points.length - 1 };

function moved(event) {
  const own = event.target.closest?.("textarea, input[type=range], input[type=radio]");
  if (own || event.ctrlKey || event.metaKey || event.altKey || !MOVES[event.key]) return;
  event.preventDefault();
  const place = MOVES[event.key](Number(byId("slider").value));
  choose(points[Math.min(Math.max(place, 0), points.length - 1)]);
}

// What the curves are at the p below the pointer.
function readOff(event) {
  const plot = plots.curves[0], x = event.clientX - plot.svg.getBoundingClientRect().left;
  const inside = x >= ROOM.left - 4 && x <= ROOM.left + plot.width + 4;
  const i = inside ? ps.reduce((a, p, b) => (Math.abs(plot.x(p) - x) < Math.abs(plot.x(ps[a]) - x) ? b : a), 0) : -1;
  const there = (value) => (inside ? `${value} at p = ${short(Number(ps[i].toPrecision(3)))}` : "");
  byId("bias-there").textContent = there(short(Number(curves(chosen).bias[i]?.toPrecision(3))));
  byId("noise-there").textContent = there(short(Number(curves(chosen).noise[i]?.toPrecision(3))));
  for (const other of plots.curves) other.cross(inside ? ps[i] : null);
}

// The entry below the pointer, and how often its answer is in a group.
function readEntry(event) {
  const plot = plots.coefficients, x = event.clientX - plot.svg.getBoundingClientRect().left;
  const k = nearest(shares.map((_, i) => i), (i) => Math.abs(plot.x(shares[i]) - x));
  const [own, theirs] = [chosen, plain].map((table) => short(Number(table.entries[k].toPrecision(4))));
  byId("coefficients-there").textContent = `${k + 1} times in its group: c_${k} = ${own}, plug-in ${theirs}`;
}

function away() {
  for (const id of ["bias-there", "noise-there"]) byId(id).textContent = "";
  for (const plot of plots.curves) plot.cross(null);
}

// By the old command, which a page from a file may use in every browser.
function copy() {
  byId("text").select();
  byId("copied").textContent = document.execCommand("copy") ? "copied" : "selected: press Ctrl+C";
}

// The switch to the curve of a shape, beside the look of its line.
function radioOf(family) {
  const radio = document.createElement("input"), line = document.createElement("i");
  radio.type = "radio";
  radio.name = "family";
  line.className = family.shape;
  radio.addEventListener("change", () => {
    points = family.points;
    choose(beside(chosen));
  });
  return element("label", "", radio, ` ${family.shape} entries `, line);
}

function begin() {
  const noise = data.criterion.formula;
  byId("near-words").textContent = `up to noise ${CLOSE} only`;
  byId("formula").replaceChildren(...typeset(`X ~ Binomial(${data.K}, p); bias e(p) = p (E c_X - ${data.phi}), sup|e| its greatest size over p; noise: the greatest ${noise} over p`));
  byId("unit").replaceChildren(...typeset(`${noise}, in units of that of ${data.plug_in_name}`));
  byId("noise-formula").replaceChildren(...typeset(noise));
  byId("plain").textContent = data.plug_in_name;
  byId("groups").replaceChildren(...typeset(data.groups));
  byId("least").textContent = `\u00b1 E*(${data.K})`;
  byId("notes").append(...data.notes.map((note) => element("li", note)));
  for (const mark of marks) {
    const button = element("button", "");
    button.type = "button";
    button.innerHTML = `<svg viewBox="-7 -7 14 14" aria-hidden="true">${shape(mark.series)}</svg>`;
    button.append(mark.label);
    button.addEventListener("click", () => choose(mark));
    byId("marks").append(button);
  }
  if (families.length > 1) byId("families").append(...families.map(radioOf));
  byId("coefficients").addEventListener("pointermove", readEntry);
  byId("coefficients").addEventListener("pointerleave", () => (byId("coefficients-there").textContent = ""));
  byId("slider").addEventListener("input", (event) => choose(points[event.target.valueAsNumber]));
  for (const id of ["near", "close", "even"]) byId(id).addEventListener("change", show);
  for (const radio of document.querySelectorAll("[name=form]")) radio.addEventListener("change", write);
  byId("copy").addEventListener("click", copy);
  const svg = byId("frontier");
  svg.addEventListener("pointerdown", (event) => choose(meant(event, true)));
  svg.addEventListener("pointermove", (event) => {
    if (event.buttons) choose(meant(event, false));
    byId("frontier-there").textContent = spoken(meant(event, true));
  });
  svg.addEventListener("pointerleave", () => (byId("frontier-there").textContent = ""));
  for (const id of ["bias-curve", "noise-curve"]) {
    byId(id).addEventListener("pointermove", readOff);
    byId(id).addEventListener("pointerleave", away);
  }
  document.addEventListener("keydown", moved);
  addEventListener("hashchange", () => choose(fromAddress() ?? chosen));
  new ResizeObserver(show).observe(document.querySelector("main"));
  take(fromAddress() ?? chosen);
  show();
}

begin();
