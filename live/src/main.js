// Lo que corre en la página: busca los lugares que quedaron marcados y pone en cada uno su sala.
import { receive } from "./data.js";
import { mountCorridor, mountLiveDqn } from "./dqn/index.js";
import { mountArcade } from "./ui/arcade.js";

window.arcadeDato = receive; // lo llama cada archivo de datos

const PLACES = {
  "[data-arcade]": (element) => mountArcade(element, JSON.parse(element.querySelector("script[type='application/json']").textContent)),
  "[data-dqn-vivo]": (element) => mountLiveDqn(element, { ...element.dataset }),
  "[data-pasillo]": (element) => mountCorridor(element, { ...element.dataset }),
};

function start() {
  for (const [place, mount] of Object.entries(PLACES)) {
    for (const element of document.querySelectorAll(`${place}:not([data-lista])`)) {
      element.dataset.lista = "";
      mount(element);
    }
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
