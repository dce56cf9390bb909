// El esqueleto de la sala: todo lo que se ve, sin nada que lo mueva.

const ICONS = {
  play: '<path d="M8 5v14l11-7z"/>',
  pause: '<path d="M6 5h4v14H6zm8 0h4v14h-4z"/>',
  step: '<path d="M5 5v14l9-7zm11 0h3v14h-3z"/>',
  again: '<path d="M12 5V1L7 6l5 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z"/>',
};
export const icon = (name) => `<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">${ICONS[name]}</svg>`;

const MODES = { agent: "Mira al agente", person: "Juega tú", duel: "Tú contra el agente" };
const SPEEDS = { 0.25: "¼×", 0.5: "½×", 1: "1×", 2: "2×", 4: "4×" };

const screen = (who) => `
  <figure class="lane" data-lane="${who}">
    <div class="stage" data-stage="${who}">
      <canvas width="160" height="210" role="img" aria-label="Pantalla del juego"></canvas>
      ${who === "robot" ? '<p class="hint blind" hidden></p>' : '<p class="hint" hidden></p>'}
    </div>
    <figcaption><b class="who"></b><span class="tally"><span class="label">Puntaje</span> <output class="score" aria-live="off">–</output></span>
      <span class="tally lives"><span class="label">Vidas</span> <output aria-live="off">–</output></span>
      ${who === "robot" ? '<button data-do="blind" aria-pressed="false"></button>' : ""}</figcaption>
  </figure>`;

/** @param {{title: string, id: string}[]} runs las corridas entre las que se puede elegir */
export const template = (runs) => `
<section class="room" aria-label="Sala de juegos">
  <header>
    <fieldset class="modes"><legend class="hidden">Quién juega</legend>
      ${Object.entries(MODES).map(([mode, text]) => `<label><input type="radio" name="mode" value="${mode}"><span>${text}</span></label>`).join("")}
    </fieldset>
    <label class="game"${runs.length < 2 ? " hidden" : ""}><span class="hidden">Juego</span>
      <select data-control="run">${runs.map(({ id, title }) => `<option value="${id}">${title}</option>`).join("")}</select></label>
  </header>
  <div class="table">
    <div class="play"><div class="screens">
      ${screen("robot")}${screen("person")}
      <div class="cover"><img alt="" hidden><button class="start" data-do="start">${icon("play")}<span>Jugar</span></button><p class="problem" role="alert" hidden></p></div>
      <div class="finish" tabindex="-1" hidden><p></p><button data-do="new">${icon("again")}<span>Otra partida</span></button></div>
    </div>
  <p class="how" data-for="person" hidden></p>
  <div class="pad" data-for="person" hidden aria-label="Mandos" role="group">
    <button data-hold="-1"></button><button data-hold="fire"></button><button data-hold="1"></button>
  </div>
    </div>
    <div class="panel">
      <div class="block seen" data-for="robot"><p class="title">Lo que ve el agente</p>
        <canvas width="345" height="84" role="img" aria-label="Los cuatro cuadros de 84×84 que recibe la red"></canvas>
        <p class="ticks" aria-hidden="true"><span>hace 3 pasos</span><span>hace 2</span><span>hace 1</span><span>ahora</span></p></div>
      <div class="block values" data-for="robot"><p class="title">Lo que cree que vale cada acción <span class="unit">(Q)</span></p>
        <ol class="bars"></ol></div>
      <div class="block trace" data-for="robot"><p class="title">Los últimos diez segundos</p>
        <canvas role="img" aria-label="Valores Q de los últimos diez segundos"></canvas></div>
      <div class="block mine" data-for="person" hidden><p class="title">Tus partidas</p><div class="record"></div>
        <button class="quiet" data-do="forget" hidden>Borrar mis partidas</button></div>
    </div>
  </div>
  <div class="bar" role="group" aria-label="Marcha">
    <button class="main" data-do="toggle">${icon("play")}<span>Jugar</span></button>
    <button data-do="step">${icon("step")}<span>Un paso</span></button>
    <button data-do="new">${icon("again")}<span>Partida nueva</span></button>
    <label class="speed">Velocidad <select data-control="speed">${Object.entries(SPEEDS)
      .sort(([a], [b]) => a - b)
      .map(([value, text]) => `<option value="${value}"${value === "1" ? " selected" : ""}>${text}</option>`)
      .join("")}</select></label>
    <button class="quiet" data-do="say">Decir cómo va</button>
  </div>
  <div class="block ladder" data-for="robot"><label><span class="label">El agente, con</span> <output class="steps"></output>
    <span class="stairs" aria-hidden="true"></span>
    <input type="range" min="0" step="1" data-control="rung" aria-label="El agente, con cuántos pasos"></label>
    <p class="published"></p></div>
  <details class="block fool" data-for="robot"><summary>Engáñalo</summary>
    <p class="note">Estos estorbos cambian lo que el agente ve o puede hacer; el juego sigue igual.</p>
    <div class="switches">
      ${["ball", "player", "digits"].map((zone) => `<label><input type="checkbox" data-hinder="${zone}"><span></span></label>`).join("")}
      <label><input type="checkbox" data-hinder="freeze"><span>Congelar el tiempo: cuatro veces el mismo cuadro</span></label>
      <label><input type="checkbox" data-hinder="sticky"><span>Acciones pegajosas (0.25)</span></label>
      <label class="delay"><span>Retraso: <output>0 pasos</output></span><input type="range" min="0" max="6" value="0" data-hinder="delay" aria-label="Retraso" aria-valuetext="0 pasos"></label>
    </div></details>
  <p class="status" role="status" aria-live="polite"></p>
</section>`;
