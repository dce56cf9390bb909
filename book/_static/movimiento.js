// Cada GIF lleva un botón para detenerlo; quien pide menos movimiento en su sistema lo encuentra detenido.
// (Los MP4 no lo necesitan: traen controles y no empiezan solos.)
document.addEventListener("DOMContentLoaded", () => {
  const menosMovimiento = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function prepara(gif) {
    const marco = document.createElement("span");
    const lienzo = document.createElement("canvas");
    const boton = document.createElement("button");
    marco.className = "animacion";
    boton.type = "button";
    gif.replaceWith(marco);
    marco.append(gif, lienzo, boton);
    lienzo.style.cssText = gif.style.cssText;
    lienzo.setAttribute("role", "img");
    lienzo.setAttribute("aria-label", gif.alt);

    function detener(detenido) {
      if (detenido) {
        lienzo.width = gif.naturalWidth;
        lienzo.height = gif.naturalHeight;
        lienzo.getContext("2d").drawImage(gif, 0, 0);
      }
      gif.hidden = detenido;
      lienzo.hidden = !detenido;
      boton.textContent = detenido ? "▶ Reproducir" : "❚❚ Detener";
    }
    boton.addEventListener("click", () => detener(!gif.hidden));
    detener(menosMovimiento);
    gif.classList.add("lista");
  }

  for (const gif of document.querySelectorAll('.bd-article img[src$=".gif"]')) {
    if (gif.complete) prepara(gif);
    else gif.addEventListener("load", () => prepara(gif), { once: true });
  }
});
