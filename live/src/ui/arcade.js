// La sala: une el esqueleto, el motor, los mandos y lo que se guarda.
import workerSource from "worker:../worker.js";
import { load } from "../data.js";
import { GAMES } from "../games.js";
import { summarize } from "../stats.js";
import * as store from "../store.js";
import { Controls } from "./controls.js";
import { COLOURS, drawScreen, drawSeen, drawTrace } from "./draw.js";
import style from "./style.css";
import { icon, template } from "./template.js";

const TEN_SECONDS = 150; // pasos del agente
const WORDS = {
  NOOP: "nada", FIRE: "fuego", RIGHT: "derecha", LEFT: "izquierda",
  RIGHTFIRE: "derecha y fuego", LEFTFIRE: "izquierda y fuego",
};
const UP_AND_DOWN = { ...WORDS, RIGHT: "arriba", LEFT: "abajo", RIGHTFIRE: "arriba y fuego", LEFTFIRE: "abajo y fuego" };
const HOW = {
  Breakout: "Flechas ← → o el dedo mueven la paleta; la barra espaciadora saca la pelota.",
  Pong: "Flechas ↑ ↓ o el dedo mueven la paleta verde.",
  SpaceInvaders: "Flechas ← → o el dedo mueven el cañón; la barra espaciadora dispara.",
};
// Lo mismo en una línea, sobre la pantalla, hasta que la persona saca: con teclado y con el dedo.
const FIRST = {
  Breakout: ["Espacio saca la pelota · ← → mueven la paleta", "Toca para sacar la pelota; arrastra para mover"],
  Pong: ["↑ ↓ mueven la paleta verde", "Arrastra el dedo: la paleta verde lo sigue"],
  SpaceInvaders: ["Espacio dispara · ← → mueven el cañón", "Toca para disparar; arrastra para mover"],
};
const touch = () => matchMedia("(pointer: coarse)").matches;
const WHO = { agent: "el agente", person: "tú" };

const millions = (steps) => {
  if (steps === 0) return "0 pasos (sin entrenar)";
  if (steps < 1e6) return `${Math.round(steps / 1000)} mil pasos`;
  const text = (steps / 1e6).toFixed(2).replace(/\.?0+$/, "");
  return `${text} ${text === "1" ? "millón" : "millones"} de pasos`;
};
const one = (number) => number.toFixed(1);
const plural = (n, singular, many) => `${n} ${n === 1 ? singular : many}`;
let playing = null; // en una página con varias salas juega una a la vez

/**
 * Pone una sala en `host`.
 * @param {HTMLElement} host
 * @param {object} manifest el catálogo que escribe coursekit.arcade, con `base`, `runs`, `mode`, `run`, `steps`, `open`
 * @returns {Arcade}
 */
export const mountArcade = (host, manifest) => new Arcade(host, manifest);

class Arcade {
  constructor(host, manifest) {
    Object.assign(this, { host, manifest });
    this.root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const titles = manifest.runs.map(({ name, game }) => ({ id: name, title: manifest.runs.filter((r) => r.game === game).length > 1 ? name : GAMES[game].title }));
    this.root.innerHTML = `<style>${style}</style>${template(titles)}`;
    this.room = this.$(".room");
    this.listening = new AbortController();
    this.mode = manifest.mode ?? "agent";
    this.hindrance = { ball: false, player: false, digits: false, freeze: false, sticky: false, delay: 0 };
    this.watchTheme();
    this.wire();
    this.$(`[value="${this.mode}"]`).checked = true;
    this.$("details").open = Boolean(manifest.open);
    this.selectRun(manifest.run ?? manifest.runs[0].name);
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  $$(selector) {
    return this.root.querySelectorAll(selector);
  }

  /** El libro cambia de tema con un botón; fuera de él decide el sistema. */
  watchTheme() {
    const { documentElement: page } = document, system = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const theme = page.dataset.theme;
      this.host.toggleAttribute("data-dark", theme ? theme === "dark" : system.matches);
      this.ink = null;
      if (this.view) this.draw(true);
    };
    new MutationObserver(apply).observe(page, { attributeFilter: ["data-theme"] });
    system.addEventListener("change", apply);
    apply();
  }

  // ---------------------------------------------------------------------------------------------- qué se escucha

  wire() {
    const { signal } = this.listening;
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    const actions = {
      start: () => this.play(),
      toggle: () => (this.running ? this.pause("En pausa.") : this.play()),
      step: () => this.step(),
      new: () => this.newGame(),
      blind: () => this.blind(),
      say: () => this.say(this.summary()),
      forget: () => {
        store.forget(this.run.game);
        this.drawRecord();
        this.say("Se borraron tus partidas.");
      },
    };
    on(this.$(".stairs"), "click", ({ target }) => {
      if (!target.dataset.rung) return;
      this.$('[data-control="rung"]').value = target.dataset.rung;
      this.selectRung(Number(target.dataset.rung));
    });
    on(this.room, "click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.());
    on(this.room, "change", ({ target }) => {
      if (target.name === "mode") this.setMode(target.value);
      if (target.dataset.control === "run") this.selectRun(target.value);
      if (target.dataset.control === "speed") {
        this.send("speed", { speed: Number(target.value) });
        this.say(`Velocidad: ${target.selectedOptions[0].textContent}.`);
      }
      if (target.dataset.control === "rung") this.selectRung(Number(target.value));
      if (target.dataset.hinder) this.setHindrance(target);
    });
    on(this.room, "input", ({ target }) => {
      if (target.dataset.control === "rung") this.showRung(Number(target.value));
      if (target.dataset.hinder === "delay") this.showDelay(Number(target.value));
    });
    // Una sala que no se ve no juega: ni en una pestaña oculta, ni fuera de la ventana, ni en la página que se deja.
    on(document, "visibilitychange", () => document.hidden && this.pause("En pausa mientras no se ve la página."));
    on(window, "pagehide", () => this.stop());
    new IntersectionObserver(([entry]) => entry.isIntersecting || this.pause("En pausa mientras no se ve la sala.")).observe(this.host);

    this.controls = new Controls(this.$('[data-stage="person"]'), this.$(".pad"), (input) => this.input(input), signal);
    const stage = this.$('[data-stage="person"]');
    on(stage, "pointerdown", () => this.running && stage.focus({ preventScroll: true }));
    const finish = this.$(".finish");
    on(finish, "keydown", (event) => {
      if (event.target !== finish || ![" ", "Enter"].includes(event.key)) return;
      event.preventDefault(); // quien seguía apretando la barra no quiere mover la página, ni empezar sin haber leído
      if (event.timeStamp - this.finished > 800 && !event.repeat) this.newGame();
    });
    on(stage, "focus", () => this.hint());
    on(stage, "blur", () => this.hint());
  }

  // ------------------------------------------------------------------------------------------------ qué se elige

  selectRun(name) {
    this.stop();
    this.run = this.manifest.runs.find((run) => run.name === name) ?? this.manifest.runs[0];
    this.game = GAMES[this.run.game];
    this.run.floor = Math.min(0, this.run.chance); // en Pong se empieza bajo cero
    this.words = this.game.axis === "y" ? UP_AND_DOWN : WORDS;
    this.$('[data-control="run"]').value = this.run.name;
    const slider = this.$('[data-control="rung"]');
    slider.max = this.run.agents.length - 1;
    const top = Math.max(...this.run.agents.map(({ mean }) => Math.max(0, (mean ?? 0) - this.run.floor)), 1e-9);
    this.$(".stairs").innerHTML = this.run.agents
      .map(({ mean }, i) => `<i data-rung="${i}" style="height:${(100 * Math.max(0, (mean ?? 0) - this.run.floor)) / top}%"></i>`)
      .join("");
    for (const element of this.$$(".stairs, .ladder input")) element.hidden = this.run.agents.length < 2;
    const wanted = this.run.agents.findIndex(({ steps }) => steps === this.manifest.steps);
    this.rung = wanted >= 0 ? wanted : this.run.agents.length - 1;
    slider.value = this.rung;
    this.showRung(this.rung);
    this.$(".bars").innerHTML = this.game.actions
      .map((action, i) => `<li><span class="mark" aria-hidden="true"></span><span class="name">${this.words[action]}<small></small></span><span class="track"><span class="fill" style="background:${COLOURS[i]};transform:scaleX(0)"></span></span><span class="value">–</span></li>`)
      .join("");
    for (const [zone, { label }] of Object.entries(this.game.zones)) {
      this.$(`[data-hinder="${zone}"] + span`).textContent = `Tapar ${label}`;
    }
    this.$(".how").textContent = HOW[this.run.game];
    this.showHindrance();
    const [minus, fire, plus] = this.$$(".pad button");
    [minus.textContent, fire.textContent, plus.textContent] = [`← ${this.words.LEFT}`, this.game.rom === "space_invaders" ? "disparar" : "sacar", `${this.words.RIGHT} →`];
    if (this.game.axis === "y") [minus.textContent, plus.textContent] = ["↓ abajo", "↑ arriba"];
    fire.hidden = this.game.rom === "pong";
    this.$$(".lives").forEach((element) => (element.hidden = this.game.rom === "pong"));
    this.controls.axis = this.game.axis;
    const still = this.$(".cover img");
    still.hidden = !this.run.still;
    if (this.run.still) still.src = this.run.still;
    this.setMode(this.mode);
    if (this.run.missing) this.fail(this.run.missing);
  }

  setMode(mode) {
    this.stop();
    this.mode = mode;
    this.room.classList.toggle("duel", mode === "duel");
    const shown = { robot: mode !== "person", person: mode !== "agent" };
    for (const element of this.$$("[data-lane], [data-for]")) {
      element.hidden = !shown[element.dataset.lane ?? element.dataset.for];
    }
    this.$('[data-lane="robot"] .who').textContent = mode === "duel" ? "El agente" : "";
    this.$('[data-lane="person"] .who').textContent = mode === "duel" ? "Tú" : "";
    this.$('[data-do="step"]').hidden = mode !== "agent";
    // Quien juega necesita el tiempo del juego: a otra velocidad su puntaje no se podría comparar.
    const speed = this.$('[data-control="speed"]');
    speed.closest("label").hidden = mode !== "agent";
    if (mode !== "agent") speed.value = "1";
    this.$(".start span").textContent = { agent: "Ver jugar al agente", person: "Jugar", duel: "Empezar el duelo" }[mode];
    this.drawRecord();
    this.say("");
  }

  showRung(index) {
    const agent = this.run.agents[index];
    this.$$(".stairs i").forEach((step, i) => step.classList.toggle("on", i === index));
    const text = millions(agent.steps) + (agent.final && this.run.agents.length > 1 ? ", el publicado" : "");
    this.$(".steps").textContent = text;
    this.$('[data-control="rung"]').setAttribute("aria-valuetext", text);
    this.$(".published").textContent =
      agent.mean === undefined
        ? "Este agente todavía no se ha evaluado."
        : `En la evaluación: ${one(agent.mean)} puntos en ${plural(agent.games, "partida", "partidas")} (intervalo del 95 %: ${one(agent.ci_low)} a ${one(agent.ci_high)}).`;
  }

  async selectRung(index) {
    this.rung = index;
    this.showRung(index);
    if (!this.worker) return;
    const wasRunning = this.running;
    this.pause();
    this.say("Cargando el agente…");
    const weights = await this.fetchWeights();
    if (!weights || index !== this.rung || !this.worker) return;
    this.send("agent", { weights });
    this.trace = [];
    this.say(`Ahora juega el agente con ${millions(this.run.agents[index].steps)}.`);
    if (wasRunning) this.resume();
  }

  setHindrance({ dataset, type, checked, value, parentElement }) {
    this.hindrance[dataset.hinder] = type === "checkbox" ? checked : Number(value);
    this.sendHindrance();
    this.showHindrance();
    if (type === "checkbox") this.say(`${parentElement.textContent.trim()}: ${checked ? "sí" : "no"}.`);
    else this.say(`Retraso: ${plural(Number(value), "paso", "pasos")}.`);
  }

  showDelay(steps) {
    const text = steps ? `${plural(steps, "paso", "pasos")} (${(steps / 15).toFixed(2)} s)` : "0 pasos";
    this.$(".delay output").textContent = text;
    this.$(".delay input").setAttribute("aria-valuetext", text);
  }

  /** El estorbo más a mano: taparle la pelota (o los invasores) y verlo jugar. */
  blind() {
    const box = this.$('[data-hinder="ball"]');
    box.checked = !box.checked;
    this.setHindrance(box);
    if (box.checked && !this.running) this.play();
  }

  /** Lo que estorba al agente se dice también encima de su pantalla. */
  showHindrance() {
    const { ball, player, digits, freeze, sticky, delay } = this.hindrance;
    const zones = Object.entries({ ball, player, digits }).filter(([, on]) => on).map(([zone]) => this.game.zones[zone].label);
    const all = [zones.length && `Sin ver ${zones.join(" ni ")}`, freeze && "Tiempo congelado", sticky && "Acciones pegajosas", delay && `Retraso: ${plural(delay, "paso", "pasos")}`].filter(Boolean);
    const badge = this.$(".blind"), button = this.$('[data-do="blind"]');
    badge.textContent = all.join(" · ");
    badge.hidden = !all.length;
    button.textContent = `${ball ? "Destápale" : "Tápale"} ${this.game.zones.ball.label}`;
    button.setAttribute("aria-pressed", ball);
  }

  // ------------------------------------------------------------------------------------------------------- marcha

  send(type, content = {}) {
    this.worker?.postMessage({ type, ...content });
  }

  /** Lo que aprieta la persona; con el primer saque (en Pong, el primer movimiento) sobra la línea que lo explica. */
  input(input) {
    this.send("input", input);
    this.served ||= input.fire || this.run.game === "Pong";
    this.hint();
  }

  sendHindrance() {
    this.send("hinder", { ...this.hindrance, sticky: this.hindrance.sticky ? 0.25 : 0 });
  }

  /** Pide la ROM y los pesos, la primera vez, y juega. */
  async play() {
    if (this.run.missing || this.loading) return;
    if (this.ended) return this.newGame();
    const focused = this.root.activeElement;
    if (!this.worker && !(await this.open())) return;
    this.resume();
    if (this.mode === "agent" && focused?.dataset.do === "start") this.$('[data-do="toggle"]').focus({ preventScroll: true });
  }

  /** Abre el hilo del motor y le da lo que necesita. @returns {Promise<boolean>} si todo llegó bien */
  async open() {
    this.loading = true;
    const start = this.$(".start"), before = start.querySelector("span").textContent;
    start.querySelector("span").textContent = "Cargando…";
    const token = (this.token = {});
    try {
      const [rom, weights] = await Promise.all([
        load(this.manifest.base, this.run.rom).then((bytes) => (this.roms = { ...this.roms, [this.run.rom]: bytes })[this.run.rom], (error) => {
          if (this.roms?.[this.run.rom]) return this.roms[this.run.rom];
          throw error;
        }),
        this.mode === "person" ? null : this.fetchWeights(true),
      ]);
      if (token !== this.token) return false;
      this.openWorker();
      this.send("load", { game: this.run.game, rom, weights, mode: this.mode, seed: seed() });
      this.sendHindrance();
      this.send("speed", { speed: Number(this.$('[data-control="speed"]').value) });
      this.trace = [];
      this.$(".cover").hidden = true;
      return true;
    } catch (error) {
      if (token === this.token) this.fail(error.message);
      return false;
    } finally {
      this.loading = false;
      start.querySelector("span").textContent = before;
    }
  }

  openWorker() {
    try {
      const address = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
      this.worker = new Worker(address);
      URL.revokeObjectURL(address);
    } catch {
      throw new Error("Este navegador no permite el hilo aparte que la sala necesita: ábrala en otro o actualícelo.");
    }
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = () => this.fail("El emulador no pudo arrancar en este navegador: ábrala en otro o actualícelo.");
  }

  /** Los pesos del peldaño elegido; los del último que se usó se guardan, los demás se vuelven a pedir. */
  async fetchWeights(throws = false) {
    const { id } = this.run.agents[this.rung];
    try {
      if (this.weights?.id !== id) this.weights = { id, bytes: await load(this.manifest.base, id) };
      return this.weights.bytes;
    } catch (error) {
      if (throws) throw error;
      this.fail(error.message);
      return null;
    }
  }

  resume() {
    if (playing !== this) playing?.pause("En pausa: se está jugando en otra sala.");
    playing = this;
    this.setRunning(true);
    this.send("play");
    this.say(this.mode === "agent" ? `Juega el agente con ${millions(this.run.agents[this.rung].steps)}.` : HOW[this.run.game]);
    if (this.mode !== "agent") this.$('[data-stage="person"]').focus({ preventScroll: true });
    const draw = () => {
      if (!this.running) return;
      if (this.mode !== "agent") this.controls.pollGamepad();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  pause(message) {
    if (!this.running) return;
    this.send("pause");
    this.setRunning(false);
    if (message) this.say(message);
  }

  async step() {
    if (this.run.missing || this.loading) return;
    if (this.ended) return this.say("La partida terminó: comienza otra para seguir.");
    if (!this.worker && !(await this.open())) return;
    this.setRunning(false);
    this.send("step");
    this.speakNext = true;
  }

  async newGame() {
    if (this.run.missing || this.loading) return;
    this.ended = false;
    if (!this.worker && !(await this.open())) return;
    this.trace = [];
    this.$(".finish").hidden = true;
    this.send("new", { seed: seed() });
    this.resume();
    this.say("Comienza una partida.");
  }

  /** Cierra el hilo y vuelve a la foto; la próxima vez que se juegue se abre otro. */
  stop() {
    this.token = null;
    this.setRunning(false);
    this.worker?.terminate();
    this.worker = this.view = null;
    this.ended = this.served = false;
    this.trace = [];
    for (const canvas of this.$$(".seen canvas, .trace canvas")) canvas.width = canvas.width; // se borra: era de otra partida
    for (const value of this.$$(".bars .value")) value.textContent = "–";
    for (const fill of this.$$(".bars .fill")) fill.style.transform = "scaleX(0)";
    this.$(".finish").hidden = true;
    for (const output of this.$$("figcaption output")) output.textContent = "–";
    this.$(".cover").hidden = false;
    this.$(".start").hidden = false;
    this.$(".problem").hidden = true;
    this.$(".cover img").alt = this.run ? `Una pantalla de ${this.game.title}` : "";
  }

  /** Una frase y la foto, en lugar de una página que no responde. */
  fail(message) {
    this.stop();
    this.$(".start").hidden = Boolean(this.run.missing);
    this.$(".problem").textContent = message;
    this.$(".problem").hidden = false;
    for (const button of this.$$(".bar button")) button.disabled = Boolean(this.run.missing);
  }

  setRunning(running) {
    this.running = running;
    const toggle = this.$('[data-do="toggle"]');
    toggle.innerHTML = `${icon(running ? "pause" : "play")}<span>${running ? "Pausa" : "Jugar"}</span>`;
    const person = running && this.mode !== "agent";
    const stage = this.$('[data-stage="person"]');
    stage.classList.toggle("live", person);
    if (this.controls) this.controls.enabled = person;
    if (person) {
      stage.tabIndex = 0;
      stage.setAttribute("role", "application");
      stage.setAttribute("aria-label", `Zona de juego de ${this.game.title}. ${HOW[this.run.game]}`);
    } else for (const name of ["tabindex", "role", "aria-label"]) stage.removeAttribute(name);
    this.hint();
  }

  /** Cómo se saca y, sin el foco, que el teclado no llega al juego: se dice encima de la pantalla. */
  hint() {
    const stage = this.$('[data-stage="person"]'), hint = stage.querySelector(".hint");
    const ready = touch() || this.root.activeElement === stage;
    hint.hidden = !stage.classList.contains("live") || (ready && this.served);
    if (!hint.hidden) hint.textContent = ready ? FIRST[this.run.game][Number(touch())] : "Haz clic en el juego para usar el teclado";
  }

  // ----------------------------------------------------------------------------------------------- qué se muestra

  receive(message) {
    if (message.type === "error") return this.fail(message.message);
    if (message.type === "over") return this.over(message);
    const before = this.view;
    this.view = message;
    const actions = this.game.actions.length;
    for (let i = 0; i < message.trace.length; i += actions) this.trace.push(message.trace.subarray(i, i + actions));
    this.trace.splice(0, this.trace.length - TEN_SECONDS);
    requestAnimationFrame(() => {
      this.send("shown");
      if (this.view === message) this.draw();
    });
    if (this.speakNext) {
      this.speakNext = false;
      this.say(this.summary());
    }
    for (const who of ["robot", "person"]) {
      const lost = before?.[who] && message[who] && message[who].lives < before[who].lives && !message[who].over;
      if (lost) this.say(`${this.mode === "duel" ? (who === "robot" ? "El agente: se" : "Tú: se") : "Se"} perdió una vida; ${message[who].lives === 1 ? "queda 1" : `quedan ${message[who].lives}`}. Puntaje: ${message[who].score}.`);
    }
  }

  draw(all = false) {
    const { view } = this;
    if (!view) return;
    for (const who of ["robot", "person"]) {
      const lane = this.$(`[data-lane="${who}"]`), state = view[who];
      if (!state) continue;
      drawScreen(lane.querySelector("canvas"), state.screen);
      lane.querySelector(".score").textContent = state.score;
      lane.querySelector(".lives output").textContent = state.lives;
    }
    // Cuatro de cada cinco vistas llegan entre dos decisiones: lo del agente no cambió y no se vuelve a dibujar.
    if (!view.robot || (!all && view.trace.length === 0 && view.playing)) return;
    drawSeen(this.$(".seen canvas"), view.seen);
    const values = this.trace.flatMap((q) => [...q]);
    let low = Math.min(...values), high = Math.max(...values);
    if (!values.length) [low, high] = [0, 1];
    const room = Math.max(0.02, 0.06 * (high - low));
    [low, high] = [low - room, high + room];
    this.drawBars(view, low, high);
    if (this.$(".trace").offsetParent) {
      this.$(".trace canvas").classList.add("drawn");
      this.ink ??= this.readInk();
      drawTrace(this.$(".trace canvas"), this.trace, TEN_SECONDS, { low, high }, this.ink);
    }
  }

  /** Los colores del tema, que el lienzo no hereda. */
  readInk() {
    const colours = getComputedStyle(this.host);
    return { text: colours.getPropertyValue("--muted"), line: colours.getPropertyValue("--line") };
  }

  drawBars({ q, chosen, random, forced, done }, low, high) {
    this.$$(".bars li").forEach((row, i) => {
      const is = chosen === i;
      row.classList.toggle("chosen", is);
      row.querySelector(".mark").textContent = is ? "▸" : "";
      row.querySelector(".fill").style.transform = `scaleX(${q ? Math.max(0.01, (q[i] - low) / (high - low)) : 0})`;
      row.querySelector(".value").textContent = q ? q[i].toFixed(2) : "–";
      const note = !is ? "" : forced ? " (se saca)" : random ? " (al azar)" : done && done !== this.game.actions[i] ? " (después)" : "";
      const name = row.querySelector("small");
      if (name.textContent !== note) name.textContent = note;
    });
  }

  over({ who, score, honest }) {
    const points = plural(score, "punto", "puntos");
    let text = this.mode === "duel" ? `Terminó la partida de ${who === "person" ? "la persona" : "el agente"}: ${points}.` : `Terminó la partida: ${points}.`;
    (this.results ??= {})[who] = score;
    const { mean } = this.run.agents[this.rung], hindered = !this.$(".blind").hidden;
    if (who === "agent" && hindered && mean !== undefined) text += ` Así, con estorbos; sin ellos hizo ${one(mean)} de media en la evaluación.`;
    if (who === "person") {
      if (!honest) text += " No se anotó, porque no se jugó a la velocidad del juego.";
      else if (!store.keep(this.run.game, score)) text += " No se pudo anotar: el navegador no tiene espacio o no permite guardar.";
      else text += " Quedó anotada.";
      this.drawRecord();
    }
    const expected = this.mode === "duel" ? 2 : 1;
    if (Object.keys(this.results).length === expected) {
      if (this.mode === "duel") {
        const { agent, person } = this.results;
        text += person > agent ? " ¡Le ganaste al agente!" : person === agent ? " Empate." : " Ganó el agente.";
      }
      this.results = null;
      this.ended = true;
      const playing = this.root.activeElement === this.$('[data-stage="person"]');
      this.setRunning(false);
      this.finish(text, playing);
    }
    this.say(text);
  }

  /** El final se dice donde se está mirando; quien jugaba con el teclado sigue ahí. */
  finish(text, focus) {
    const finish = this.$(".finish");
    finish.querySelector("p").textContent = text;
    finish.hidden = false;
    this.finished = performance.now();
    if (focus) finish.focus({ preventScroll: true });
  }

  drawRecord() {
    const scores = store.games(this.run.game), mine = summarize(scores, this.run), best = this.run.agents.at(-1);
    const normal = (score) => ((score - this.run.chance) / (this.run.human - this.run.chance)).toFixed(2);
    const row = (name, score, detail, note = "") => `<tr${note}><th scope="row">${name}${detail ? `<small>${detail}</small>` : ""}</th><td>${score === null ? "–" : one(score)}</td><td>${score === null ? "–" : normal(score)}</td></tr>`;
    const games = mine && `${plural(mine.games, "partida", "partidas")}${mine.games > 1 ? `; intervalo del 95 %: ${one(mine.low)} a ${one(mine.high)}` : ""}`;
    this.$(".record").innerHTML = `<table><thead><tr><th scope="col">Quién</th><th scope="col">Media</th><th scope="col">Normalizado</th></tr></thead><tbody>
      ${row("Al azar", this.run.chance, "")}
      ${row("Tú", mine ? mine.mean : null, mine ? games : "todavía ninguna partida entera", ' class="you"')}
      ${row("Persona de referencia", this.run.human, "")}
      ${best?.mean === undefined ? "" : row("El agente publicado", best.mean, plural(best.games, "partida", "partidas"))}</tbody></table>
      <p>0 es jugar al azar y 1, la persona con la que se compara en los artículos. Tus partidas se guardan solo en este navegador.</p>`;
    this.$('[data-do="forget"]').hidden = !mine;
  }

  /** Cómo va la partida, en palabras. */
  summary() {
    const { view } = this;
    if (!view) return `${this.game.title}, sin comenzar.`;
    const lane = (state, who) => `${who}puntaje ${state.score}${this.game.rom === "pong" ? "" : `, ${plural(state.lives, "vida", "vidas")}`}`;
    const duel = this.mode === "duel", parts = [];
    if (view.robot) parts.push(lane(view.robot, duel ? "el agente: " : ""));
    if (view.person) parts.push(lane(view.person, duel ? "tú: " : ""));
    if (view.q) {
      const order = [...view.q].map((value, i) => ({ value, name: this.words[this.game.actions[i]] })).sort((a, b) => b.value - a.value);
      parts.push(`el agente eligió ${this.words[this.game.actions[view.chosen]]}; valores Q: ${order.map(({ name, value }) => `${name} ${value.toFixed(2)}`).join(", ")}`);
    }
    const text = `${parts.join("; ")}.`;
    return text[0].toUpperCase() + text.slice(1);
  }

  say(text) {
    this.$(".status").textContent = text;
  }
}

const seed = () => Math.floor(Math.random() * 2 ** 31);
