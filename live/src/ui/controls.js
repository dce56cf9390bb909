// Lo que aprieta la persona: teclado, dedo o ratón sobre la pantalla, los botones de la página y un mando.
import { HEIGHT, WIDTH } from "../games.js";

const KEYS = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", " ": "fire",
  a: "left", d: "right", w: "up", s: "down",
};

export class Controls {
  /**
   * @param {HTMLElement} stage la pantalla, que recibe el foco
   * @param {HTMLElement} pad los botones
   * @param {(input: import("../engine.js").Input) => void} send
   * @param {AbortSignal} signal deja de escuchar cuando se aborta
   */
  constructor(stage, pad, send, signal) {
    Object.assign(this, { stage, send });
    this.axis = "x";
    this.enabled = false;
    this.held = new Set();
    this.target = null;
    this.last = "";
    const on = (element, type, handler, options = {}) => element.addEventListener(type, handler, { signal, ...options });

    const key = (down) => (event) => {
      const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!this.enabled || !name || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // que las flechas y la barra no muevan la página
      this.held[down ? "add" : "delete"](name);
      this.update();
    };
    on(stage, "keydown", key(true));
    on(stage, "keyup", key(false));
    on(stage, "blur", () => this.release());

    const point = (event) => {
      const box = stage.getBoundingClientRect();
      this.target = this.axis === "x" ? ((event.clientX - box.left) / box.width) * WIDTH : ((event.clientY - box.top) / box.height) * HEIGHT;
      this.update();
    };
    on(stage, "pointerdown", (event) => {
      if (!this.enabled) return;
      stage.setPointerCapture(event.pointerId);
      this.held.add("tap");
      point(event);
    });
    on(stage, "pointermove", (event) => this.held.has("tap") && point(event));
    for (const type of ["pointerup", "pointercancel"]) {
      on(stage, type, () => {
        this.held.delete("tap");
        this.target = null;
        this.update();
      });
    }

    for (const button of pad.querySelectorAll("[data-hold]")) {
      const name = { "-1": "minus", 1: "plus", fire: "fire" }[button.dataset.hold];
      const hold = (down) => {
        this.held[down ? "add" : "delete"](name);
        button.classList.toggle("down", down);
        this.update();
      };
      on(button, "pointerdown", (event) => {
        event.preventDefault();
        button.setPointerCapture(event.pointerId);
        hold(true);
      });
      for (const type of ["pointerup", "pointercancel"]) on(button, type, () => hold(false));
      on(button, "keydown", (event) => (event.key === " " || event.key === "Enter") && (event.preventDefault(), hold(true)));
      for (const type of ["keyup", "blur"]) on(button, type, () => hold(false));
    }
  }

  release() {
    this.held.clear();
    this.target = null;
    this.update();
  }

  /** Mira el primer mando conectado; se llama una vez por cuadro dibujado. */
  pollGamepad() {
    const pad = [...(navigator.getGamepads?.() ?? [])].find(Boolean);
    if (!pad) return;
    const x = pad.axes[0] ?? 0, y = pad.axes[1] ?? 0, pressed = (i) => pad.buttons[i]?.pressed ?? false;
    const state = {
      "pad-left": x < -0.4 || pressed(14), "pad-right": x > 0.4 || pressed(15),
      "pad-up": y < -0.4 || pressed(12), "pad-down": y > 0.4 || pressed(13), "pad-fire": pressed(0) || pressed(1),
    };
    for (const [name, down] of Object.entries(state)) this.held[down ? "add" : "delete"](name);
    this.update();
  }

  update() {
    const any = (...names) => names.some((name) => this.held.has(name) || this.held.has(`pad-${name}`));
    // En Pong, RIGHT sube: arriba, y también la derecha.
    const plus = any("plus", "right") || (this.axis === "y" && any("up"));
    const minus = any("minus", "left") || (this.axis === "y" && any("down"));
    const input = { move: Number(plus) - Number(minus), fire: any("fire", "tap"), target: this.target };
    const text = JSON.stringify(input);
    if (text === this.last) return;
    this.last = text;
    this.send(input);
  }
}
