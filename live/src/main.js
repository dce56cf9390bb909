// Lo que corre en la página: busca los lugares que el libro dejó marcados y pone en cada uno su sala.
import { mountCorridor, mountLiveDqn } from "./dqn/index.js";

function start() {
  for (const element of document.querySelectorAll("[data-dqn-vivo]")) mountLiveDqn(element, { ...element.dataset });
  for (const element of document.querySelectorAll("[data-pasillo]")) mountCorridor(element, { ...element.dataset });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
