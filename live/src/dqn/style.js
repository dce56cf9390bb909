/** El aspecto de «DQN en vivo» y del pasillo: los colores del libro, en claro y en oscuro. */
const CSS = `
.dv{--tinta:#1f2430;--suave:#4d5562;--borde:#bcc4cf;--fondo:#fff;--panel:#f4f6f9;--acento:#0069a6;--sobre:#fff;
--si:0,114,178;--no:213,94,0;--nada:226,230,236;--c0:#0072b2;--c1:#c04f00;--c2:#00795a;--c3:#a9488a;--c4:#8a6100;--c5:#1f7fb5;--c6:#1f2430;
color:var(--tinta);background:var(--fondo);border:1px solid var(--borde);border-radius:.9rem;padding:clamp(.7rem,2.5vw,1.2rem);margin:1.2rem 0;
font-size:.95rem;line-height:1.4;container-type:inline-size;scroll-margin-top:5rem}
html[data-theme=dark] .dv{--tinta:#e8ebf0;--suave:#b6bfcc;--borde:#4a5361;--fondo:#171b22;--panel:#20262f;--acento:#6cc0f2;--sobre:#0d1117;
--si:86,180,233;--no:240,140,60;--nada:52,60,72;--c0:#6cc0f2;--c1:#f59a57;--c2:#35c79b;--c3:#e29ac6;--c4:#edb54a;--c5:#9ad4f5;--c6:#e8ebf0}
.dv *,.dv *::before{box-sizing:border-box}
.dv p{margin:0 0 .5rem;color:inherit}
.dv figure{margin:0;min-width:0}
.dv figcaption,.dv figcaption p,.bd-article .dv figcaption{color:var(--suave);font-size:.84rem;margin:.35rem 0 0;text-align:left;width:auto}
.dv .t{display:block;font-weight:700;color:var(--tinta);font-size:1rem;margin:0 0 .35rem}
.dv .fila{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.6rem 0}
.dv button,.dv select,.dv input[type=number]{font:inherit;color:var(--tinta);background:var(--fondo);border:1px solid var(--borde);border-radius:2rem;padding:.35rem .85rem;min-height:2.4rem;cursor:pointer}
.dv select,.dv input[type=number]{border-radius:.5rem;padding:.2rem .5rem;cursor:auto}
.dv input[type=number]{width:5rem}
.dv button:hover:not(:disabled){border-color:var(--acento)}
.dv button:disabled{opacity:.5;cursor:default}
.dv .principal{background:var(--acento);color:var(--sobre);border-color:var(--acento);font-weight:700;padding:.45rem 1.3rem}
.dv :is(button,select,input,summary):focus-visible{outline:3px solid var(--acento);outline-offset:2px}
.dv .pantallas{display:grid;grid-template-columns:1fr 1fr;gap:clamp(.7rem,3cqw,1.6rem);margin:.8rem 0}
.dv canvas{display:block;width:100%;height:auto;border-radius:.4rem;image-rendering:pixelated}
.dv .q{display:grid;grid-template-columns:auto 1fr auto;gap:.15rem .5rem;align-items:center;font-size:.84rem;margin:.5rem 0 0}
.dv .q .barra{position:relative;height:.8rem;border-radius:.2rem;background:var(--panel);border:1px solid var(--borde);overflow:hidden}
.dv .q .barra i{position:absolute;top:0;bottom:0;left:50%;width:0}
.dv .q .barra::before{content:"";position:absolute;left:50%;top:0;bottom:0;border-left:1px solid var(--suave);z-index:1}
.dv .q .elegida{font-weight:700}.dv .q>span>span{display:inline-block;width:.85em}.dv [aria-pressed=true]{background:var(--acento);color:var(--sobre);border-color:var(--acento)}
.dv .q .num,.dv output{font-variant-numeric:tabular-nums}
.dv .puntos{letter-spacing:.02em;min-height:1.6em;font-size:1rem;line-height:1.6;color:var(--suave);margin:.4rem 0 0}
.dv .puntos b{color:rgb(var(--si))}.dv .puntos s{color:rgb(var(--no));text-decoration:none}
.dv .escala{display:flex;justify-content:space-between;font-size:.76rem;color:var(--suave);margin:.5rem 0 0}
.dv .degradado{height:.6rem;border-radius:.3rem;background:linear-gradient(90deg,rgb(var(--no)),rgb(var(--nada)),rgb(var(--si)))}
.dv .interruptores{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.5rem;margin:.5rem 0 .8rem}
.dv .interruptor{display:flex;gap:.55rem;align-items:center;text-align:left;border-radius:.6rem;padding:.45rem .7rem;line-height:1.2}
.dv .interruptor::before{content:"";flex:none;width:2.1rem;height:1.15rem;border-radius:1rem;border:2px solid var(--suave);
background:radial-gradient(circle at .5rem 50%,var(--suave) .33rem,transparent .36rem)}
.dv .interruptor[aria-checked=true]::before{border-color:var(--acento);background:radial-gradient(circle at calc(100% - .5rem) 50%,var(--sobre) .33rem,var(--acento) .36rem)}
.dv .interruptor[aria-checked=false].pieza{border-color:rgb(var(--no));border-style:dashed}
.dv .interruptor small{display:block;color:var(--suave);font-size:.76rem}
.dv .bloque{background:var(--panel);border-radius:.7rem;padding:.7rem .8rem;margin:.7rem 0}
.dv details.bloque>summary{cursor:pointer;font-weight:700}
.dv .perillas{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.7rem 1.4rem;margin:.8rem 0 .4rem}
.dv .perilla label{display:flex;justify-content:space-between;gap:.5rem;font-weight:600;font-size:.88rem;margin:0}
.dv .perilla small{display:block;color:var(--suave);font-size:.78rem;line-height:1.3}
.dv .perilla code{font-size:.74rem;color:var(--suave);background:none;border:0;padding:0}
.dv input[type=range]{width:100%;accent-color:var(--acento);min-height:1.6rem;margin:0}
.dv input[type=checkbox]{accent-color:var(--acento);width:1.1rem;height:1.1rem;margin:0}
.dv .marca{display:inline-flex;gap:.4rem;align-items:center;margin:0}
.dv svg{display:block;width:100%;overflow:visible}
.dv svg text{fill:var(--suave);font-size:12px;font-family:inherit}
.dv .corridas{list-style:none;margin:.5rem 0 0;padding:0;display:grid;gap:.25rem}
.dv .corridas li{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .5rem;margin:0}
.dv .corridas .nombre{font-weight:600}
.dv .corridas .trazo{width:2rem;flex:none;display:inline-block}
.dv .corridas button{min-height:1.9rem;padding:.05rem .65rem;font-size:.8rem}
.dv .aviso{border-left:.3rem solid rgb(var(--no));padding:.3rem .6rem;background:var(--panel);border-radius:.3rem}
.dv .avance{height:.45rem;border-radius:1rem;background:var(--panel);overflow:hidden;border:1px solid var(--borde)}
.dv .avance i{display:block;height:100%;width:0;background:var(--acento)}
.dv .estado{font-variant-numeric:tabular-nums;min-height:1.4em;margin:.3rem 0 0;color:var(--suave);font-size:.88rem}
.dv .oculto{position:absolute!important;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.dv [hidden]{display:none!important}
.dv .pasillo{display:grid;grid-template-columns:repeat(7,1fr);gap:clamp(2px,.6cqw,6px);margin:.6rem 0}
.dv .casilla{border:2px solid var(--borde);border-radius:.5rem;text-align:center;padding:.2rem .1rem;min-width:0;font-size:.8rem;display:flex;flex-direction:column;justify-content:space-between;gap:.15rem;min-height:7.2rem}
.dv .casilla.aqui{border-color:var(--acento);box-shadow:0 0 0 2px var(--acento)}
.dv .casilla .rotulo{color:var(--suave);font-size:.76rem}
.dv .casilla .valor{border-radius:.3rem;padding:.2rem 0;font-variant-numeric:tabular-nums;font-weight:600;line-height:1.15}
.dv .casilla .valor.nueva{outline:2px solid var(--tinta);outline-offset:1px}
.dv .casilla .ficha{min-height:1.7rem;font-size:1.3rem;line-height:1.7rem;color:var(--c4)}
.dv .casilla.aqui .ficha{width:1.7rem;align-self:center;border-radius:50%;background:var(--acento);color:var(--sobre);font-weight:700;font-size:1rem}
.dv .cuenta{font-size:.9rem;background:var(--panel);border-radius:.5rem;padding:.45rem .7rem;min-height:3.9rem}
.dv .tira{margin:.5rem 0 .1rem}
.dv .tira .rotulo{display:block;font-size:.76rem;color:var(--suave);line-height:1.2}
.dv .tira .lienzo{position:relative;margin:0 8px}
.dv .tira canvas{height:3.6rem}
.dv .tira i{position:absolute;top:-3px;bottom:-3px;width:0;border-left:2px solid var(--tinta)}
@container (max-width:30rem){.dv .pantallas{gap:.6rem}.dv .casilla{font-size:.66rem}.dv .casilla .rotulo{font-size:.64rem}.dv .principal{flex:1 1 100%}}
@media (prefers-reduced-motion:no-preference){.dv .q i{transition:width .12s,left .12s}.dv .casilla .valor{transition:background .2s}}
`;

export function addStyle() {
  if (document.getElementById("dv-estilo")) return;
  const style = document.createElement("style");
  style.id = "dv-estilo";
  style.textContent = CSS;
  document.head.append(style);
}

/** Los tres colores de los valores, según el tema: «la atrapa», «se le escapa» y «no sabe». */
export function palette(element) {
  const style = getComputedStyle(element);
  const color = (name) => style.getPropertyValue(`--${name}`).split(",").map(Number);
  return { yes: color("si"), no: color("no"), unknown: color("nada") };
}

/** El color de un valor entre −1 y 1, y una tinta que se lee encima. */
export function valueColor({ yes, no, unknown }, value) {
  const end = value < 0 ? no : yes;
  const part = Math.min(Math.abs(value), 1);
  const rgb = unknown.map((m, i) => Math.round(m + (end[i] - m) * part));
  const light = rgb.map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  return { background: `rgb(${rgb})`, ink: luminance > 0.18 ? "#000" : "#fff" };
}

/** Llama a `redraw` cuando el lector cambia de tema. */
export function onThemeChange(redraw) {
  const observer = new MutationObserver(redraw);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}
