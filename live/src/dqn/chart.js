/** La figura ancha: arriba, las curvas de aprendizaje; abajo, qué alturas de la pelota conoce ya la corrida elegida. */
import { format } from "./settings.js";
import { palette } from "./style.js";

const DASHES = ["", "7 4", "2 4", "9 3 2 3", "12 4", "4 3", "1 3"];
const RANDOM_PLAY = 0.3; // atrapa quien juega al azar: la paleta ocupa 3 de las 10 columnas
const ROWS = 9;

export const color = (group) => `var(--c${group % DASHES.length})`;
export const dash = (group) => DASHES[group % DASHES.length];

/**
 * @param {HTMLElement} host
 * @param {{group: number, exams: [number, number][], changes: number[]}[]} runs
 * @param {{total: number, rows: [number, Float32Array][]}} view
 */
export function drawChart(host, runs, { total, rows }) {
  const width = Math.max(280, host.clientWidth), left = 46, right = 14, top = 10;
  const high = width < 480 ? 170 : 210, gap = 34, cell = 11, bottom = 40;
  const height = top + high + gap + ROWS * cell + bottom;
  const x = (step) => left + (step / total) * (width - left - right);
  const y = (part) => top + (1 - part) * high;
  const parts = [];
  const line = (x1, y1, x2, y2, style) => parts.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" style="${style}"/>`);
  const text = (tx, ty, words, anchor = "middle", extra = "") =>
    parts.push(`<text x="${tx}" y="${ty}" text-anchor="${anchor}" ${extra}>${words}</text>`);

  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    line(left, y(part), width - right, y(part), "stroke:var(--borde);stroke-width:.6");
    text(left - 6, y(part) + 4, `${part * 100} %`, "end");
  }
  line(left, y(RANDOM_PLAY), width - right, y(RANDOM_PLAY), "stroke:var(--suave);stroke-dasharray:3 4");
  text(width - right, y(RANDOM_PLAY) + 14, "jugando al azar", "end");
  const base = top + high + gap;
  for (let i = 0; i <= 4; i++) text(x((total * i) / 4), height - 22, format((total * i) / 4), i === 4 ? "end" : "middle");
  text((left + width - right) / 2, height - 5, "pasos jugados");

  const groups = Map.groupBy ? Map.groupBy(runs, (run) => run.group) : groupBy(runs);
  for (const [group, members] of groups) {
    const many = members.length > 2;
    for (const run of members) {
      const style = `fill:none;stroke:${color(group)};stroke-dasharray:${many ? "" : dash(group)};stroke-width:${many ? 1 : 2.5};opacity:${many ? 0.45 : 1}`;
      parts.push(`<polyline points="${points(run.exams, x, y)}" style="${style}"/>`);
      for (const step of run.changes) parts.push(`<path d="M${x(step)} ${top}v${high}" style="stroke:${color(group)};stroke-dasharray:1 5;stroke-width:2"/>`);
      const end = run.exams.at(-1);
      if (end && !many) parts.push(`<circle cx="${x(end[0])}" cy="${y(end[1])}" r="4" style="fill:${color(group)}"/>`);
    }
    if (many) {
      const style = `fill:none;stroke:${color(group)};stroke-width:3;stroke-dasharray:${dash(group)}`;
      parts.push(`<polyline points="${points(medianCurve(members), x, y)}" style="${style}"/>`);
    }
  }

  text(left, base - 9, "qué alturas conoce la red", "start", 'style="font-weight:600"');
  text(left - 6, base + cell, "arriba", "end");
  text(left - 6, base + ROWS * cell - 1, "abajo", "end");
  parts.push(`<rect x="${left}" y="${base}" width="${width - left - right}" height="${ROWS * cell}" style="fill:var(--panel)"/>`);
  if (rows.length > 1) {
    const wide = x(rows.at(-1)[0]) - left;
    parts.push(`<image x="${left}" y="${base}" width="${wide}" height="${ROWS * cell}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${strip(host, rows)}"/>`);
  }
  host.innerHTML = `<svg viewBox="0 0 ${width} ${height}" height="${height}" role="img" aria-label="${label(groups, rows)}">${parts.join("")}</svg>`;
}

/** Las alturas que conoce la red, como una imagen de una columna por momento y una fila por altura. */
function strip(host, rows) {
  const canvas = document.createElement("canvas");
  canvas.width = rows.length;
  canvas.height = ROWS;
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${palette(host).yes})`;
  rows.forEach(([, known], x) =>
    known.forEach((part, y) => {
      context.globalAlpha = part ** 1.5; // lo que acierta por azar, al comienzo, casi no se ve
      context.fillRect(x, y, 1, 1);
    }),
  );
  return canvas.toDataURL();
}

function groupBy(runs) {
  const groups = new Map();
  for (const run of runs) groups.set(run.group, [...(groups.get(run.group) ?? []), run]);
  return groups;
}

const points = (exams, x, y) => exams.map(([step, part]) => `${x(step).toFixed(1)},${y(part).toFixed(1)}`).join(" ");

/** La mediana de varias semillas, hasta donde llegaron todas. */
function medianCurve(runs) {
  const length = Math.min(...runs.map((run) => run.exams.length));
  return runs[0].exams.slice(0, length).map(([step], i) => [step, median(runs.map((run) => run.exams[i][1]))]);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function label(groups, rows) {
  const ends = [...groups.values()].map((runs) => {
    const scores = runs.filter((run) => run.exams.length).map((run) => run.exams.at(-1)[1]);
    return scores.length ? `${runs[0].name}: ${Math.round(median(scores) * 100)} %` : `${runs[0].name}: por empezar`;
  });
  const curves = ends.length ? `Pelotas atrapadas según los pasos jugados. ${ends.join("; ")}.` : "Curvas de aprendizaje, todavía vacías.";
  if (!rows.length) return curves;
  const known = rows.at(-1)[1];
  return `${curves} Parte del valor exacto que conoce, de la fila de arriba a la de abajo: ${Array.from(known, (part) => `${Math.round(part * 100)} %`).join(", ")}.`;
}
