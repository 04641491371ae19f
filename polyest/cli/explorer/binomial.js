// What a table does at p: its weighted bias and its noise, X ~ Binomial(K, p).
//
// Entries of a table of much noise are large and alternate, and e(p) is what little their mean leaves
// of log p.  So weights and means are pairs [x, y] of doubles that stand for x + y (Dekker 1971),
// good to 30 digits; the log, and what is drawn, are doubles.
"use strict";

const SPLITTER = 2 ** 27 + 1;

function sum(a, b) {
  const s = a + b, c = s - a;
  return [s, (a - (s - c)) + (b - c)];
}

function product(a, b) {
  const u = SPLITTER * a, v = SPLITTER * b;
  const a1 = u - (u - a), b1 = v - (v - b), a2 = a - a1, b2 = b - b1, s = a * b;
  return [s, ((a1 * b1 - s) + a1 * b2 + a2 * b1) + a2 * b2];
}

function plus(x, y) {
  const [s, rest] = sum(x[0], y[0]);
  return sum(s, rest + x[1] + y[1]);
}

function times(x, y) {
  const [s, rest] = product(x[0], y[0]);
  return sum(s, rest + x[0] * y[1] + x[1] * y[0]);
}

function over(x, y) {
  const first = x[0] / y[0];
  const left = plus(x, times([-first, 0], y));
  return sum(first, left[0] / y[0]);
}

// B_{k,K}(p), k = 0..K, outward from the mode and divided by their sum: nothing overflows.
function weights(K, p) {
  const mode = Math.min(Math.floor(p * (K + 1)), K), found = Array(K + 1), q = sum(1, -p);
  found[mode] = [1, 0];
  let all = [1, 0];
  const step = (k, before, ratio, above, below) => {
    found[k] = over(times(times(before, ratio), [above, 0]), [below, 0]);
    all = plus(all, found[k]);
  };
  const up = over([p, 0], q), down = over(q, [p, 0]);
  for (let k = mode + 1; k <= K; k++) step(k, found[k - 1], up, K - k + 1, k);
  for (let k = mode - 1; k >= 0; k--) step(k, found[k + 1], down, k + 1, K - k);
  return found.map((weight) => over(weight, all));
}

const FUNCTIONS = {
  sqrt: Math.sqrt, log: Math.log, log1p: Math.log1p, exp: Math.exp, expm1: Math.expm1,
};

// The function of an expression in canonical form, which is read and never run as a script.
function formula(text) {
  const tokens = text.match(/[\d.]+(?:e[+-]?\d+)?|[a-z]\w*|\*\*|[-+*/()]/g);
  let next = 0;
  const take = (...signs) => signs.includes(tokens[next]) ? tokens[next++] : null;
  const chain = (part, signs, apply) => {
    let left = part();
    for (let sign = take(...signs); sign; sign = take(...signs)) {
      const a = left, b = part(), both = apply[sign];
      left = (p) => both(a(p), b(p));
    }
    return left;
  };
  const inside = () => {
    const found = total();
    take(")");
    return found;
  };
  const atom = () => {
    if (take("(")) return inside();
    const token = tokens[next++], call = FUNCTIONS[token];
    if (call) {
      take("(");
      const x = inside();
      return (p) => call(x(p));
    }
    return token === "p" ? (p) => p : () => Number(token);
  };
  const power = () => {
    const base = atom();
    if (!take("**")) return base;
    const exponent = power();
    return (p) => base(p) ** exponent(p);
  };
  const factors = () => chain(power, ["*", "/"], {"*": (a, b) => a * b, "/": (a, b) => a / b});
  const first = () => {
    if (!take("-")) return factors();
    const x = factors();
    return (p) => -x(p);
  };
  const total = () => chain(first, ["+", "-"], {"+": (a, b) => a + b, "-": (a, b) => a - b});
  return total();
}

// phi of each target at p, given the numbers after the colon of its name, or what else stands there.
const TARGETS = {
  log: (p) => Math.log(p),
  power: (p, [a]) => p ** a,
  tsallis: (p, [q]) => Math.expm1((q - 1) * Math.log(p)) / (q - 1),
  polynomial: (p, a) => a.reduceRight((total, c) => total * p + c, 0),
  custom: (p, _, phi) => phi(p),
};

// phi of a target by its name, such as "log" or "tsallis:0.5".
function target(name) {
  const [word, tail] = name.split(":");
  const numbers = (tail || "").split(",").map(Number);
  const phi = word === "custom" ? formula(tail) : null;
  return (p) => TARGETS[word](p, numbers, phi);
}

// Binomial weights at some p, computed once; `curves` gives e(p) and the noise of entries there.
class Binomial {
  constructor(K, ps) {
    this.ps = ps;
    this.high = [];
    this.low = [];
    for (const p of ps) {
      const found = weights(K, p);
      this.high.push(Float64Array.from(found, (weight) => weight[0]));
      this.low.push(Float64Array.from(found, (weight) => weight[1]));
    }
  }

  curves(entries, name, criterion) {
    const phi = target(name), bias = [], noise = [];
    this.ps.forEach((p, i) => {
      const high = this.high[i], low = this.low[i];
      let mean = 0, rest = 0;
      for (let k = 0; k < entries.length; k++) {
        const [term, below] = product(entries[k], high[k]);
        const [next, lost] = sum(mean, term);
        mean = next;
        rest += below + lost + entries[k] * low[k];
      }
      let square = 0, variance = 0;
      for (let k = 0; k < entries.length; k++) {
        square += high[k] * entries[k] ** 2;
        variance += high[k] * (entries[k] - mean - rest) ** 2;
      }
      bias.push(p ? p * (mean - phi(p) + rest) : 0);
      noise.push((criterion.by_p ? p : 1) * (criterion.centred ? variance : square));
    });
    return { bias, noise };
  }
}
