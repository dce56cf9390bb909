/** El pasillo del capítulo 3: una línea de tiempo que muestra cómo el valor del premio viaja hacia atrás. */
import { Random } from "./random.js";
import { addStyle, onThemeChange, palette, valueColor } from "./style.js";

const EXIT = 0, GOAL = 6, START = 3, LEFT = 0, RIGHT = 1;
const ALPHA = 0.5, GAMMA = 0.9, TRANSITIONS = 1_000;
const INNER = [1, 2, 3, 4, 5];
const PLAY_EVERY = 350; // ms

/** Q-learning mientras se camina al azar: cada transición, con lo que corrigió. */
export function walk(seed) {
  const rng = new Random(seed);
  const Q = emptyTable();
  const history = [];
  let cell = START;
  for (let i = 0; i < TRANSITIONS; i++) {
    const action = rng.integers(2);
    const next = cell + (action === RIGHT ? 1 : -1);
    const reward = next === GOAL ? 1 : 0;
    const done = next === EXIT || next === GOAL;
    const target = reward + (done ? 0 : GAMMA * Math.max(...Q[next]));
    const before = Q[cell][action];
    const after = before + ALPHA * (target - before);
    Q[cell][action] = after;
    history.push({ cell, action, next, reward, done, target, before, after });
    cell = done ? START : next;
  }
  return history;
}

const emptyTable = () => Array.from({ length: 7 }, () => [0, 0]);

/** La tabla después de `count` transiciones. */
export function tableAt(history, count) {
  const Q = emptyTable();
  for (const { cell, action, after } of history.slice(0, count)) Q[cell][action] = after;
  return Q;
}

/** Las paradas de la línea de tiempo: de a una al comienzo, donde pasa casi todo, y cada vez más espaciadas. */
const STOPS = [];
for (let t = 0; t <= TRANSITIONS; t += t < 120 ? 1 : t < 300 ? 5 : 20) STOPS.push(t);

/**
 * Pone el pasillo en `element`.
 * @param {HTMLElement} element
 * @param {{seed?: number | string}} [options]
 * @returns {{destroy: () => void}}
 */
export function mountCorridor(element, options = {}) {
  addStyle();
  let seed = Number(options.seed ?? 3);
  let history = walk(seed);
  let count = 0;
  let playing = null;
  element.classList.add("dv");
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", "El pasillo");
  element.innerHTML = template();
  const part = Object.fromEntries([...element.querySelectorAll("[data-p]")].map((node) => [node.dataset.p, node]));
  const last = STOPS.length - 1;

  function go(to, speak = true) {
    count = Math.min(Math.max(to, 0), TRANSITIONS);
    const stop = STOPS.findLastIndex((t) => t <= count);
    part.tiempo.value = stop;
    part.tiempo.setAttribute("aria-valuetext", `${count} transiciones`);
    part.van.textContent = count;
    const words = story(history[count - 1], count);
    part.cuenta.innerHTML = words;
    if (speak) part.anuncio.textContent = `${part.cuenta.textContent} ${spoken()}`;
    drawCells();
    part.cursor.style.left = `${(100 * stop) / last}%`;
    part.atras.disabled = count === 0;
    part.paso.disabled = part.cambio.disabled = count === TRANSITIONS;
  }

  const spoken = () => {
    const Q = tableAt(history, count);
    return `Mejor valor de las casillas 1 a 5: ${INNER.map((cell) => Math.max(...Q[cell]).toFixed(2)).join(", ")}.`;
  };

  function drawCells() {
    const Q = tableAt(history, count);
    const step = history[count - 1];
    const colors = palette(element);
    const here = !step ? START : step.next;
    for (const cell of part.pasillo.children) {
      const i = Number(cell.dataset.cell);
      cell.classList.toggle("aqui", i === here);
      cell.querySelector(".ficha").textContent = i === here ? "A" : i === GOAL ? "★" : "";
      for (const value of cell.querySelectorAll(".valor")) {
        const action = Number(value.dataset.action);
        const { background, ink } = valueColor(colors, Q[i][action]);
        value.style.cssText = `background:${background};color:${ink}`;
        value.classList.toggle("nueva", step?.cell === i && step.action === action);
        value.lastChild.textContent = Q[i][action].toFixed(2);
      }
    }
  }

  /** La franja: una columna por parada y una fila por casilla, con el mejor valor de cada una. */
  function drawStrip() {
    const context = part.franja.getContext("2d");
    part.franja.width = STOPS.length;
    part.franja.height = INNER.length;
    const colors = palette(element);
    STOPS.forEach((t, x) => {
      const Q = tableAt(history, t);
      INNER.forEach((cell, y) => {
        context.fillStyle = valueColor(colors, Math.max(...Q[cell])).background;
        context.fillRect(x, INNER.length - 1 - y, 1, 1);
      });
    });
  }

  function play(on) {
    clearInterval(playing);
    playing = on ? setInterval(() => (count < TRANSITIONS && !document.hidden ? go(nextStop(), false) : count >= TRANSITIONS && play(false)), PLAY_EVERY) : null;
    part.jugar.textContent = on ? "Pausa" : "▶ Caminar";
    if (on && count >= TRANSITIONS) go(0);
  }

  const nextStop = () => STOPS.find((t) => t > count) ?? TRANSITIONS;
  const nextChange = () => {
    for (let i = count; i < TRANSITIONS; i++) if (Math.abs(history[i].after - history[i].before) > 0.005) return i + 1;
    return TRANSITIONS;
  };
  const by = (handler) => () => {
    play(false);
    handler();
  };
  part.jugar.addEventListener("click", () => play(!playing));
  part.paso.addEventListener("click", by(() => go(count + 1)));
  part.atras.addEventListener("click", by(() => go(count - 1)));
  part.cambio.addEventListener("click", by(() => go(nextChange())));
  part.otro.addEventListener("click", by(() => {
    history = walk(++seed);
    drawStrip();
    go(0);
  }));
  part.tiempo.max = last;
  part.tiempo.addEventListener("input", by(() => go(STOPS[part.tiempo.value])));
  const redraw = () => {
    drawStrip();
    drawCells();
  };
  const unwatch = onThemeChange(redraw);
  drawStrip();
  go(0, false);
  return {
    destroy() {
      play(false);
      unwatch();
      element.replaceChildren();
    },
  };
}

const NAMES = ["izquierda", "derecha"];

/** Lo que hizo la última transición, en palabras y con su cuenta. */
function story(step, count) {
  if (!step) return "Todavía no caminó: no sabe nada del premio, y todos los valores son 0. Presiona «Siguiente cambio».";
  const { cell, action, next, reward, done, target, before, after } = step;
  const where = next === GOAL ? "llegó al premio" : next === EXIT ? "salió sin nada" : `cayó en la casilla ${next}`;
  const future = done ? "" : ` + ${GAMMA} · ${((target - reward) / GAMMA).toFixed(2)}`;
  const meaning = after - before > 0.005 ? "" : " No cambia: no aprendió nada nuevo.";
  return `<strong>Transición ${count}:</strong> en la casilla ${cell} fue a la ${NAMES[action]} y ${where}. Objetivo: ${reward}${future} = ${target.toFixed(2)}. El valor pasa de ${before.toFixed(2)} a <strong>${after.toFixed(2)}</strong>, la mitad del camino hacia el objetivo.${meaning}`;
}

function template() {
  const cells = Array.from({ length: 7 }, (_, i) => {
    const inner = i !== EXIT && i !== GOAL;
    const value = (action, arrow) => `<span class="valor" data-action="${action}"><span aria-hidden="true">${arrow} </span><span class="oculto">${NAMES[action]} </span><span>0.00</span></span>`;
    const name = i === EXIT ? "salida" : i === GOAL ? "premio" : "&nbsp;";
    return `<div class="casilla" data-cell="${i}"><span class="rotulo">${i}</span><span class="ficha" aria-hidden="true"></span>${inner ? value(RIGHT, "→") + value(LEFT, "←") : `<span class="rotulo">${name}</span>`}</div>`;
  }).join("");
  return `
<p><strong>¿Cómo se entera la casilla 3 de que hay un premio en la 6?</strong> El agente camina al azar y corrige un valor por paso. Avanza y mira de dónde viene el color.</p>
<div class="pasillo" data-p="pasillo">${cells}</div>
<p class="cuenta" data-p="cuenta"></p>
<p class="oculto" role="status" aria-live="polite" data-p="anuncio"></p>
<div class="fila">
  <button type="button" class="principal" data-p="cambio">Siguiente cambio ▸</button>
  <button type="button" data-p="atras">◂ un paso atrás</button>
  <button type="button" data-p="paso">un paso ▸</button>
  <button type="button" data-p="jugar">▶ Caminar</button>
  <button type="button" data-p="otro">Otro azar</button>
</div>
<div class="tira"><span class="rotulo">casilla 5</span><div class="lienzo"><canvas data-p="franja" role="img" aria-label="El mejor valor de cada casilla según pasan las transiciones: el color nace en la casilla 5, junto al premio, y baja hasta la 1."></canvas><i data-p="cursor" aria-hidden="true"></i></div><span class="rotulo">casilla 1</span></div>
<label class="fila" for="dv-tiempo">Transiciones vividas: <output for="dv-tiempo" data-p="van">0</output> de 1,000</label>
<input type="range" id="dv-tiempo" data-p="tiempo" min="0" value="0">`;
}
