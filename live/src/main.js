// Lo que corre en la página: busca los lugares que quedaron marcados y pone en cada uno su sala.
import { receive } from "./data.js";
import { mountLiveDqn } from "./dqn/index.js";
import { mountArcade } from "./ui/arcade.js";

window.arcadeDato = receive; // lo llama cada archivo de datos

function start() {
  for (const element of document.querySelectorAll("[data-arcade]:not([data-lista])")) {
    element.dataset.lista = "";
    mountArcade(element, JSON.parse(element.querySelector("script[type='application/json']").textContent));
  }
  for (const element of document.querySelectorAll("[data-dqn-vivo]:not([data-lista])")) {
    element.dataset.lista = "";
    mountLiveDqn(element, { ...element.dataset });
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
