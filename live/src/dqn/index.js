/** «DQN en vivo»: una red aprende «atrapa la pelota» en la página mientras el lector mueve sus perillas. */
import workerSource from "worker:./worker.js";

import { ACTIONS, PADDLE, SIZE } from "./catch.js";
import { color, dash, drawChart, median } from "./chart.js";
import { HYPERPARAMETERS, exactMap } from "./dqn.js";
import { drawGame, drawMap } from "./screens.js";
import { KNOBS, MAX_SEED, SEEDS, SWITCHES, describe, format, fromHash, isOff, percent, toHash } from "./settings.js";
import { addStyle, onThemeChange } from "./style.js";

export { mountCorridor } from "./corridor.js";

const ARROWS = ["← ", "", " →"];
const TAKEN_AWAY = "Ahora falta una pieza: ¿aprenderá igual?";
const BEFORE = "Unos 12,000 pasos, menos de un minuto.";
const MAX_RUNS = 60;

/**
 * Pone en `element` el DQN que aprende en la página.
 * @param {HTMLElement} element
 * @param {{hash?: string}} [options] `hash: "no"` para no leer ni escribir la dirección.
 * @returns {{destroy: () => void}}
 */
export function mountLiveDqn(element, options = {}) {
  return new LiveDqn(element, options);
}

class LiveDqn {
  constructor(element, options) {
    addStyle();
    this.element = element;
    this.usesHash = options.hash !== "no";
    this.settings = { ...HYPERPARAMETERS };
    this.seed = 0;
    this.seeds = 1;
    this.runs = [];
    this.queue = [];
    this.groups = [];
    this.workers = [];
    this.paused = false;
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.watch = { paddleCol: 3, ballDx: 1 };
    this.exact = false;
    element.classList.add("dv");
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", "DQN en vivo");
    element.innerHTML = template();
    this.part = Object.fromEntries([...element.querySelectorAll("[data-p]")].map((node) => [node.dataset.p, node]));
    this.part.cuadro.hidden = !this.still;
    this.buildKnobs();
    this.listen();
    this.readHash();
    this.showSettings();
    drawGame(this.part.juego, { ballRow: 2, ballCol: 4, ballDx: 1, paddleCol: 3 });
    this.showQ([0, 0, 0], null);
    this.drawMap();
    this.drawChart();
    if (typeof Worker === "undefined") this.giveUp();
  }

  destroy() {
    for (const undo of this.undo) undo();
    for (const worker of this.workers) worker.terminate();
    this.element.replaceChildren();
  }

  // ---- Lo que el lector mueve

  buildKnobs() {
    this.part.perillas.innerHTML = KNOBS.map(
      ({ key, label, help }) => `<div class="perilla"><label for="dv-${key}"><span>${label}</span><output for="dv-${key}"></output></label>
        <input type="range" id="dv-${key}" data-knob="${key}" min="0" step="1" aria-describedby="dv-${key}-a"><small id="dv-${key}-a">${help} <code>${key}</code></small></div>`,
    ).join("");
    this.knobs = [...this.part.perillas.querySelectorAll("[data-knob]")].map((input) => ({
      ...KNOBS.find((knob) => knob.key === input.dataset.knob), input, output: input.parentNode.querySelector("output"),
    }));
    for (const knob of this.knobs) {
      knob.input.addEventListener("input", () => this.change({ [knob.key]: knob.stops[knob.input.value] }));
    }
    this.switches = [...this.element.querySelectorAll("[data-switch]")];
  }

  listen() {
    const { part } = this;
    const on = (target, event, handler) => {
      target.addEventListener(event, handler);
      this.undo.push(() => target.removeEventListener(event, handler));
    };
    this.undo = [onThemeChange(() => (this.drawMap(), this.drawSoon()))];
    on(part.entrenar, "click", () => this.start());
    on(part.pausa, "click", () => this.pause(!this.paused));
    on(part.parar, "click", () => this.stop());
    on(part.lento, "change", () => this.tell({ type: "slow", on: part.lento.checked }));
    on(part.semillas, "change", () => this.chooseSeeds());
    on(part.semilla, "change", () => this.chooseSeeds());
    on(part.volver, "click", () => this.change({ ...HYPERPARAMETERS }));
    on(part.comparar, "click", () => this.compare());
    on(part.borrar, "click", () => this.clear());
    on(part.enlace, "click", () => this.copyLink());
    on(part.cuadro, "click", () => this.workers[0]?.postMessage({ type: "advance" }));
    on(part.paleta, "input", () => this.lookFrom({ paddleCol: Number(part.paleta.value) }));
    on(part.direccion, "click", () => this.lookFrom({ ballDx: -this.watch.ballDx }));
    on(part.exacto, "click", () => {
      this.exact = !this.exact;
      part.exacto.setAttribute("aria-pressed", this.exact);
      this.drawMap();
    });
    for (const button of this.switches) on(button, "click", () => this.flip(button.dataset.switch));
    on(part.corridas, "click", (event) => {
      const { ver, quitar } = event.target.dataset;
      if (ver) this.select(this.runs.find((run) => run.id === Number(ver)));
      if (quitar) this.remove(Number(quitar));
    });
    on(document, "visibilitychange", () => this.tell({ type: "pause", on: this.paused || document.hidden }));
    on(window, "pagehide", () => this.tell({ type: "pause", on: true }));
    on(window, "pageshow", () => this.tell({ type: "pause", on: this.paused || document.hidden }));
    if (this.usesHash) on(window, "hashchange", () => this.readHash());
    const observer = new ResizeObserver(() => this.drawSoon());
    observer.observe(part.figura);
    this.undo.push(() => observer.disconnect());
  }

  /** Cambia ajustes; si hay corridas en marcha, les vale desde ya, y la figura lo marca. */
  change(changes) {
    Object.assign(this.settings, changes);
    const { total_timesteps: _, ...live } = changes;
    for (const worker of this.workers) {
      const { run } = worker;
      if (!run || Object.entries(live).every(([key, value]) => run.settings[key] === value)) continue;
      Object.assign(run.settings, live);
      worker.postMessage({ type: "change", settings: live });
      if (!run.changes.length) this.regroup(run, `${run.name}, cambiada en marcha`);
      if (run.changes.at(-1) !== run.step) run.changes.push(run.step);
    }
    this.showSettings();
    this.showRuns();
    clearTimeout(this.hashTimer);
    this.hashTimer = setTimeout(() => this.writeHash(), 300); // un navegador limita cuántas veces por minuto
  }

  flip(name) {
    if (name === "double") return this.change({ double: !this.settings.double });
    const item = SWITCHES.find((one) => one.name === name);
    const off = isOff(item, this.settings);
    const changes = Object.fromEntries(Object.entries(item.changes).map(([key, value]) => [key, off ? HYPERPARAMETERS[key] : value]));
    this.change(changes);
  }

  chooseSeeds() {
    this.seeds = Number(this.part.semillas.value);
    const seed = Math.round(Number(this.part.semilla.value));
    this.seed = Math.min(Math.max(seed || 0, 0), MAX_SEED);
    this.showSettings();
    this.writeHash();
  }

  showSettings() {
    for (const knob of this.knobs) {
      const value = this.settings[knob.key];
      knob.stops = knob.values.includes(value) ? knob.values : [...knob.values, value].sort((a, b) => a - b);
      knob.input.max = knob.stops.length - 1;
      knob.input.value = knob.stops.indexOf(value);
      knob.input.setAttribute("aria-valuetext", format(value));
      knob.output.textContent = format(value);
    }
    for (const button of this.switches) {
      const item = SWITCHES.find((one) => one.name === button.dataset.switch);
      button.setAttribute("aria-checked", item ? !isOff(item, this.settings) : this.settings.double);
    }
    const missing = SWITCHES.some((item) => isOff(item, this.settings));
    const busy = this.active().length > 0;
    this.part.ajustes.textContent = busy
      ? "Lo que cambies vale enseguida para la corrida en marcha; una línea de puntos lo marca en la figura."
      : `La próxima corrida: ${describe(this.settings)}. ${missing ? TAKEN_AWAY : ""}`;
    this.part.semillas.value = String(SEEDS.includes(this.seeds) ? this.seeds : SEEDS.findLast((n) => n <= this.seeds));
    this.seeds = Number(this.part.semillas.value);
    this.part.semilla.value = this.seed;
  }

  readHash() {
    const found = this.usesHash && fromHash(location.hash);
    if (!found) return;
    ({ seed: this.seed, seeds: this.seeds } = found);
    this.change(found.settings);
    const what = describe(found.settings);
    this.say([`El enlace trae estos ajustes: ${what}. Presiona «Entrenar» para ver qué pasa.`, ...found.problems].join(" "), true);
    requestAnimationFrame(() => this.element.scrollIntoView({ block: "start" }));
  }

  writeHash() {
    if (this.usesHash) history.replaceState(history.state, "", toHash(this.settings, this.seed, this.seeds));
  }

  async copyLink() {
    this.writeHash();
    const link = this.usesHash ? location.href : location.href.split("#")[0] + toHash(this.settings, this.seed, this.seeds);
    try {
      await navigator.clipboard.writeText(link);
      this.say("Enlace copiado: quien lo abra verá estos mismos ajustes.", true);
      const { textContent: before } = this.part.enlace;
      this.part.enlace.textContent = "✓ Enlace copiado";
      setTimeout(() => (this.part.enlace.textContent = before), 2000);
    } catch {
      this.say(`Este navegador no deja copiar. El enlace es ${link}`, true);
    }
  }

  // ---- Las corridas

  start() {
    this.hush();
    const name = describe(this.settings);
    while (this.runs.some((run) => run.name === name && run.seed === this.seed)) this.seed++; // repetir es con otro azar
    for (let i = 0; i < this.seeds; i++) this.enqueue({ ...this.settings }, this.seed + i);
    this.feed();
  }

  /** La figura del capítulo: todo, y sin cada pieza, con los demás ajustes como están y las mismas semillas. */
  compare() {
    this.hush();
    const whole = { ...this.settings };
    for (const { changes } of SWITCHES) for (const key of Object.keys(changes)) whole[key] = HYPERPARAMETERS[key];
    for (let i = 0; i < this.seeds; i++) {
      for (const item of [{ changes: {} }, ...SWITCHES]) this.enqueue({ ...whole, ...item.changes }, this.seed + i);
    }
    this.feed();
  }

  enqueue(settings, seed) {
    if (this.runs.length >= MAX_RUNS) return this.say(`Ya hay ${MAX_RUNS} corridas: borre algunas para seguir.`, true);
    const name = describe(settings);
    const id = (this.lastId = (this.lastId ?? 0) + 1);
    const run = { id, settings, seed, exams: [], rows: [], changes: [], step: 0, state: "espera" };
    this.regroup(run, name);
    this.runs.push(run);
    this.queue.push(run);
  }

  /** Las corridas con los mismos ajustes comparten nombre, color y trazo. */
  regroup(run, name) {
    const found = this.groups.indexOf(name);
    run.name = name;
    run.group = found < 0 ? this.groups.push(name) - 1 : found;
  }

  /** Reparte lo que espera entre los trabajadores: el primero es el que se mira. */
  feed() {
    this.pause(false);
    const wanted = Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1), this.active().length + this.queue.length);
    try {
      while (this.workers.length < wanted) this.addWorker();
    } catch {
      return this.giveUp();
    }
    for (const worker of this.workers) {
      if (worker.run || !this.queue.length) continue;
      const run = (worker.run = this.queue.shift());
      run.state = "entrena";
      worker.postMessage({ type: "train", settings: run.settings, seed: run.seed });
      if (worker === this.workers[0]) this.selected = run;
    }
    this.refresh();
  }

  addWorker() {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    const first = this.workers.length === 0;
    worker.onmessage = ({ data }) => this.receive(worker, data, first);
    worker.onerror = () => this.giveUp();
    worker.postMessage({ type: "slow", on: this.part.lento.checked });
    worker.postMessage({ type: "still", on: this.still });
    worker.postMessage({ type: "watch", ...this.watch });
    this.workers.push(worker);
  }

  active() {
    return this.workers.filter((worker) => worker.run);
  }

  tell(message) {
    for (const worker of this.workers) worker.postMessage(message);
  }

  pause(on) {
    this.paused = on;
    this.tell({ type: "pause", on: on || document.hidden });
    this.part.pausa.textContent = on ? "Seguir" : "Pausa";
    if (on) this.say("En pausa.");
  }

  /** Detiene todo; lo aprendido hasta aquí queda en la figura. */
  stop() {
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
    for (const run of this.runs) if (run.state === "entrena" || run.state === "espera") run.state = "detenida";
    this.runs = this.runs.filter((run) => run.exams.length);
    this.queue = [];
    this.say("Entrenamiento detenido.");
    this.pause(false);
    this.refresh();
  }

  clear() {
    this.stop();
    this.runs = [];
    this.groups = [];
    this.selected = null;
    this.map = null;
    this.drawMap();
    this.part.barra.style.width = "0";
    this.part.avance.textContent = BEFORE;
    this.say("Se borraron las corridas.", true);
    this.refresh();
  }

  remove(group) {
    this.runs = this.runs.filter((run) => run.group !== group || run.state === "entrena");
    this.queue = this.queue.filter((run) => this.runs.includes(run));
    if (!this.runs.includes(this.selected)) this.selected = this.runs.at(-1);
    this.refresh();
    this.part.entrenar.focus();
  }

  /** Muestra una corrida terminada: su red juega y pinta el mapa. */
  select(run) {
    this.selected = run;
    const viewer = this.workers[0];
    if (run.weights && viewer && !viewer.run) viewer.postMessage({ type: "show", weights: run.weights, gamma: run.settings.gamma });
    this.refresh();
  }

  receive(worker, data, first) {
    const { run } = worker;
    if (data.type === "failed") return this.giveUp(data.message);
    if (data.type === "game" && first) return this.showGame(data);
    if (data.type === "map" && first) {
      this.map = data;
      return this.drawMap();
    }
    if (!run) return;
    if (data.type === "ready" && data.backend === "js" && !this.warned) {
      this.warned = true;
      this.say("Este navegador no tiene WebAssembly con SIMD: la red aprende lo mismo, pero unas veinte veces más despacio.", true);
    }
    if (data.type === "progress") {
      Object.assign(run, { step: data.step, epsilon: data.epsilon, loss: data.loss, elapsed: data.elapsed });
      return first && this.showProgress(run);
    }
    if (data.type === "rows") run.rows.push([data.step, data.known]);
    if (data.type === "exam") {
      run.exams.push([data.step, data.caught]);
      if (first) this.announce(run);
    }
    if (data.type === "done") {
      Object.assign(run, { state: "lista", weights: data.weights, elapsed: data.elapsed });
      worker.run = null;
      this.feed();
      if (!this.active().length) this.finish(run);
    }
    this.drawSoon();
  }

  // ---- Lo que se ve

  refresh() {
    const busy = this.active().length > 0;
    this.part.pausa.disabled = this.part.parar.disabled = !busy;
    this.part.comparar.disabled = busy;
    this.part.entrenar.textContent = busy ? "Agregar otra corrida" : this.runs.length ? "Entrenar otra vez" : "▶ Entrenar";
    this.showSettings();
    this.showRuns();
    this.drawSoon();
  }

  showProgress(run) {
    const { total_timesteps: total } = run.settings;
    this.part.barra.style.width = `${(100 * run.step) / total}%`;
    const waiting = this.queue.length ? ` · ${this.queue.length} en espera` : "";
    this.part.avance.textContent = `${run.name}, semilla ${run.seed} · paso ${format(run.step)} de ${format(total)} · ε ${run.epsilon.toFixed(2)} · pérdida ${Number.isNaN(run.loss) ? "—" : run.loss.toFixed(3)} · ${(run.elapsed / 1000).toFixed(0)} s${waiting}`;
  }

  announce(run) {
    const [step, caught] = run.exams.at(-1);
    this.say(`Paso ${format(step)}: atrapa ${Math.round(caught * 100)} de cada 100 pelotas.`);
  }

  finish(run) {
    const [, caught] = run.exams.at(-1);
    const verdict = caught >= 0.95 ? "¡Aprendió a jugar!" : caught > 0.45 ? "Aprendió a medias." : "Juega casi como al azar.";
    this.say(`Listo en ${(run.elapsed / 1000).toFixed(0)} segundos: atrapa ${Math.round(caught * 100)} de cada 100 pelotas. ${verdict}`, true);
  }

  /** Una oración para quien mira y para quien escucha; lo de `notice` queda hasta el próximo aviso. */
  say(words, notice = false) {
    this.part.anuncio.textContent = words;
    if (notice) this.part.aviso.textContent = words;
    this.part.aviso.hidden = !this.part.aviso.textContent;
  }

  hush() {
    this.part.aviso.textContent = "";
    this.part.aviso.hidden = true;
  }

  showGame({ state, q, action, results, over }) {
    drawGame(this.part.juego, state);
    this.showQ(q, action);
    const caught = results.at(-1);
    this.part.juego.setAttribute("aria-label", over ? (caught ? "La red atrapó la pelota." : "A la red se le escapó la pelota.") : "La red está jugando.");
    this.part.puntos.innerHTML = results.length
      ? `<span aria-hidden="true">${results.map((hit) => (hit ? "<b>●</b>" : "<s>○</s>")).join("")}</span><span class="oculto">De las últimas ${results.length} pelotas atrapó ${results.filter(Boolean).length}.</span>`
      : "";
  }

  showQ(q, action) {
    const rows = this.part.q.children;
    q.forEach((value, i) => {
      const [name, bar, number] = [rows[3 * i], rows[3 * i + 1], rows[3 * i + 2]];
      const width = Math.min(Math.abs(value), 1.2) / 1.2 / 2;
      bar.firstChild.style.cssText = `width:${width * 100}%;left:${(value < 0 ? 0.5 - width : 0.5) * 100}%;background:rgb(var(--${value < 0 ? "no" : "si"}))`;
      number.textContent = value.toFixed(2).replace("-", "−");
      name.classList.toggle("elegida", i === action);
      name.firstChild.textContent = i === action ? "▸" : " ";
    });
  }

  lookFrom(changes) {
    Object.assign(this.watch, changes);
    this.part.paleta.setAttribute("aria-valuetext", `columna ${this.watch.paddleCol}`);
    this.part.direccion.textContent = this.watch.ballDx > 0 ? "cae hacia ↘" : "cae hacia ↙";
    this.workers[0]?.postMessage({ type: "watch", ...this.watch });
    this.drawMap();
  }

  drawMap() {
    const { paddleCol, ballDx } = this.watch;
    const gamma = (this.selected?.settings ?? this.settings).gamma;
    const values = this.exact ? exactMap(paddleCol, ballDx, gamma) : (this.map?.values ?? new Float32Array((SIZE - 1) * SIZE));
    drawMap(this.part.mapa, values, paddleCol);
    const rows = Array.from({ length: SIZE - 1 }, (_, row) => {
      const cells = values.slice(row * SIZE, (row + 1) * SIZE);
      return (cells.reduce((sum, value) => sum + value, 0) / SIZE).toFixed(1).replace("-", "−");
    });
    this.part.mapa.setAttribute("aria-label", `${this.exact ? "Valor exacto" : "Lo que la red espera"} según dónde esté la pelota, entre −1 y 1; promedio de cada fila, de arriba abajo: ${rows.join(", ")}.`);
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawChart();
    });
  }

  drawChart() {
    const total = Math.max(...this.runs.map((run) => run.settings.total_timesteps), this.runs.length ? 0 : this.settings.total_timesteps);
    drawChart(this.part.figura, this.runs, { total, rows: this.selected?.rows ?? [] });
    this.showScores();
  }

  /** La lista de corridas, una línea por combinación. */
  showRuns() {
    this.part.corridas.innerHTML = this.groups
      .map((name, group) => {
        const runs = this.runs.filter((run) => run.group === group);
        if (!runs.length) return "";
        const last = runs.findLast((run) => run.weights);
        const seen = this.selected?.group === group;
        const see = last && !this.active().length && this.workers.length ? `<button type="button" data-ver="${last.id}" aria-pressed="${seen}" aria-label="Ver jugar a ${name}">ver jugar</button>` : "";
        return `<li><svg class="trazo" height="8" aria-hidden="true"><path d="M0 4h32" style="stroke:${color(group)};stroke-width:3;stroke-dasharray:${dash(group)}"/></svg>
          <span class="nombre">${name}</span> <span data-score="${group}"></span> ${see}<button type="button" data-quitar="${group}" aria-label="Quitar ${name} de la figura">quitar</button></li>`;
      })
      .join("");
    this.part.borrar.hidden = !this.runs.length;
    this.showScores();
  }

  showScores() {
    for (const node of this.part.corridas.querySelectorAll("[data-score]")) {
      const runs = this.runs.filter((run) => run.group === Number(node.dataset.score));
      const scores = runs.filter((run) => run.exams.length).map((run) => run.exams.at(-1)[1]);
      const seeds = runs.length === 1 ? `semilla ${runs[0].seed}` : `${runs.length} semillas`;
      const spread = scores.length > 1 ? ` (de ${percent(Math.min(...scores))} a ${percent(Math.max(...scores))})` : "";
      node.textContent = scores.length ? `${percent(median(scores))}${spread}, ${seeds}` : `${seeds}, en espera`;
    }
  }

  /** Lo que no puede funcionar se dice en una oración, y la página sigue. */
  giveUp(reason = "") {
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
    this.queue = [];
    for (const control of this.element.querySelectorAll("button, input, select")) control.disabled = true;
    this.say(`Este navegador no deja entrenar dentro de la página: ábrala en una versión reciente de Firefox, Chrome, Edge o Safari. ${reason}`, true);
  }
}

function template() {
  const switches = SWITCHES.map(
    ({ name, label, note }) => `<button type="button" class="interruptor pieza" role="switch" aria-checked="true" data-switch="${name}"><span>${label}<small>${note}</small></span></button>`,
  ).join("");
  const q = ACTIONS.map(
    (name, i) => `<span><span aria-hidden="true"> </span>${i < 2 ? ARROWS[i] + name : name + ARROWS[i]}</span><span class="barra" aria-hidden="true"><i></i></span><span class="num">0.00</span>`,
  ).join("");
  return `
<p><strong>Esta red nació hace un instante y no sabe nada.</strong> Verá solo los píxeles de este juego y recibirá +1 cuando atrape la pelota y −1 cuando se le escape. Presiona «Entrenar» y mira cómo aprende.</p>
<div class="fila">
  <button type="button" class="principal" data-p="entrenar">▶ Entrenar</button>
  <button type="button" data-p="pausa" disabled>Pausa</button>
  <button type="button" data-p="parar" disabled>Detener</button>
  <label class="marca"><input type="checkbox" data-p="lento"> a cámara lenta</label>
</div>
<div class="avance" aria-hidden="true"><i data-p="barra"></i></div>
<p class="estado" data-p="avance">${BEFORE}</p>
<p class="aviso" data-p="aviso" hidden></p>
<p class="oculto" role="status" aria-live="polite" data-p="anuncio"></p>
<div class="pantallas">
  <figure><span class="t">La red juega</span>
    <canvas data-p="juego" role="img" aria-label="El juego, antes de entrenar."></canvas>
    <p class="puntos" data-p="puntos"></p>
    <button type="button" data-p="cuadro" hidden>Un paso</button>
    <div class="q" data-p="q" role="group" aria-label="Valor Q de cada acción">${q}</div>
    <figcaption>Cuánto espera ganar con cada acción. Toma la mayor.</figcaption>
  </figure>
  <figure><span class="t">¿La atrapará?</span>
    <canvas data-p="mapa" role="img" aria-label="El mapa, todavía vacío."></canvas>
    <label class="oculto" for="dv-paleta">Columna de la paleta en el mapa</label>
    <input type="range" id="dv-paleta" data-p="paleta" min="0" max="${SIZE - PADDLE}" value="3" aria-valuetext="columna 3">
    <div class="escala" aria-hidden="true"><span>se le escapa</span><span>no sabe</span><span>la atrapa</span></div>
    <div class="degradado" aria-hidden="true"></div>
    <figcaption>Cada celda: lo que la red espera si la pelota estuviera ahí. El saber sube desde la paleta.</figcaption>
    <div class="fila">
      <button type="button" data-p="direccion">cae hacia ↘</button>
      <button type="button" data-p="exacto" aria-pressed="false">respuesta exacta</button>
    </div>
  </figure>
</div>
<span class="t">Quítale una pieza</span>
<div class="interruptores">${switches}<button type="button" class="interruptor" role="switch" aria-checked="false" data-switch="double"><span>Double DQN<small>una red elige, otra valora</small></span></button></div>
<p data-p="ajustes" class="estado"></p>
<figure><span class="t">Pelotas atrapadas, de cada 100</span>
  <div data-p="figura"></div>
  <figcaption>Cada 1,200 pasos, un examen de 200 pelotas sin explorar. Abajo, cuanto más intensa la franja, más de la respuesta exacta conoce la red cuando la pelota está a esa altura.</figcaption>
  <ul class="corridas" data-p="corridas"></ul>
</figure>
<div class="fila">
  <label class="marca">Semillas <select data-p="semillas">${SEEDS.map((n) => `<option value="${n}">${n}</option>`).join("")}</select></label>
  <label class="marca">desde la <input type="number" data-p="semilla" min="0" max="${MAX_SEED}" value="0"></label>
  <button type="button" data-p="comparar">Comparar: todo y sin cada pieza</button>
  <button type="button" data-p="borrar" hidden>Borrar las corridas</button>
  <button type="button" data-p="enlace">Copiar un enlace a estos ajustes</button>
</div>
<p class="estado">Otra semilla es otro azar: los mismos ajustes con otra suerte. Una sola es una anécdota.</p>
<details class="bloque"><summary>Todas las perillas</summary>
  <div class="perillas" data-p="perillas"></div>
  <div class="fila"><button type="button" data-p="volver">Volver al capítulo 3</button></div>
</details>`;
}
