/** Las perillas: qué mueve cada una, entre qué valores, cómo se llama una combinación y cómo va en la dirección. */
import { HYPERPARAMETERS } from "./dqn.js";

const number = new Intl.NumberFormat("es-MX", { maximumFractionDigits: 6 });
export const format = (value) => number.format(value);
export const percent = (fraction) => `${format(Math.round(fraction * 1000) / 10)} %`;

/** `values` son las paradas de la perilla; en la dirección se acepta cualquier número entre la primera y la última. */
export const KNOBS = [
  { key: "learning_rate", label: "Tasa de aprendizaje", short: "tasa", help: "Cuánto cambia la red en cada corrección.",
    values: [1e-5, 3e-5, 1e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 3e-2, 0.1] },
  { key: "gamma", label: "Descuento γ", short: "γ", help: "Cuánto vale hoy un premio que llega un paso más tarde.",
    values: [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 1] },
  { key: "exploration_initial_eps", label: "ε al comienzo", short: "ε inicial", help: "Qué parte de las jugadas es al azar al comenzar.",
    values: [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] },
  { key: "exploration_final_eps", label: "ε al final", short: "ε final", help: "Qué parte es al azar cuando ya bajó.",
    values: [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1] },
  { key: "exploration_fraction", label: "Bajada de ε", short: "bajada de ε", help: "En qué parte del entrenamiento termina de bajar.",
    values: [0, 0.1, 0.25, 0.5, 0.75, 1] },
  { key: "batch_size", label: "Lote", short: "lote", help: "Cuántos recuerdos estudia en cada corrección.", whole: true,
    values: [1, 4, 8, 16, 32, 64, 128, 256] },
  { key: "buffer_size", label: "Memoria", short: "memoria", help: "Cuántas transiciones guarda.", whole: true,
    values: [16, 64, 160, 480, 1_600, 5_000, 16_000, 50_000] },
  { key: "target_update_interval", label: "Copia a la red objetivo", short: "copia cada", help: "Cuántos pasos pasan entre dos copias.", whole: true,
    values: [1, 48, 160, 480, 960, 1_600, 3_200, 6_400] },
  { key: "n_steps", label: "n pasos", short: "n", help: "Cuántas recompensas reales suma antes de confiar en su estimación.", whole: true,
    values: [1, 2, 3, 4, 5, 7, 9] },
  { key: "total_timesteps", label: "Pasos de la corrida", short: "pasos", help: "Cuánto dura el entrenamiento.", whole: true,
    values: [2_400, 6_000, 12_000, 24_000, 48_000] },
];

/** Los interruptores: quitar una pieza es cambiar estos números, como en el capítulo 3. */
export const SWITCHES = [
  { name: "memoria", label: "Memoria", off: "sin memoria", note: "recuerda lo vivido", changes: { buffer_size: 16 } },
  { name: "objetivo", label: "Red objetivo", off: "sin red objetivo", note: "una copia que se deja quieta", changes: { target_update_interval: 1 } },
  { name: "exploracion", label: "Exploración", off: "sin exploración", note: "a veces prueba al azar", changes: { exploration_initial_eps: 0, exploration_final_eps: 0 } },
];

export const isOff = (item, settings) => Object.entries(item.changes).every(([key, value]) => settings[key] === value);

/** El nombre de una combinación: en qué se aparta del capítulo 3. */
export function describe(settings) {
  const parts = SWITCHES.filter((item) => isOff(item, settings)).map((item) => item.off);
  const said = new Set(SWITCHES.filter((item) => isOff(item, settings)).flatMap((item) => Object.keys(item.changes)));
  if (settings.double) parts.push("Double");
  for (const { key, short } of KNOBS) {
    if (settings[key] !== HYPERPARAMETERS[key] && !said.has(key)) parts.push(`${short} ${format(settings[key])}`);
  }
  return parts.length ? parts.join(", ") : "DQN del capítulo 3";
}

const HASH = "#dqn-vivo";

/** La parte de la dirección que lleva a estos ajustes: solo lo que no es del capítulo 3. */
export function toHash(settings, seed, seeds) {
  const query = new URLSearchParams();
  for (const { key } of KNOBS) if (settings[key] !== HYPERPARAMETERS[key]) query.set(key, settings[key]);
  if (settings.double) query.set("double", 1);
  if (seed) query.set("seed", seed);
  if (seeds > 1) query.set("seeds", seeds);
  return `${HASH}?${query}`;
}

/** Lo contrario. Lo que no se entiende queda como estaba, y `problems` dice qué fue; `null` si la dirección no es de aquí. */
export function fromHash(hash) {
  if (hash !== HASH && !hash.startsWith(`${HASH}?`)) return null;
  const settings = { ...HYPERPARAMETERS };
  const found = { settings, seed: 0, seeds: 1, problems: [] };
  for (const [key, text] of new URLSearchParams(hash.slice(HASH.length + 1))) {
    const value = Number(text);
    const knob = KNOBS.find((one) => one.key === key);
    const [low, high, whole] = knob ? [knob.values[0], knob.values.at(-1), knob.whole] : (OTHERS[key] ?? []);
    if (low === undefined) found.problems.push(`El enlace nombra «${key}», que aquí no existe: no se usa.`);
    else if (text === "" || !(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      const kind = whole ? "un entero" : "un número";
      found.problems.push(`El enlace pide ${key} = «${text}» y debe ser ${kind} de ${format(low)} a ${format(high)}: queda como en el capítulo 3.`);
    } else if (key === "double") settings.double = value === 1;
    else if (key in OTHERS) found[key] = value;
    else settings[key] = value;
  }
  return found;
}

export const MAX_SEED = 9_999, SEEDS = [1, 3, 5, 10];
const OTHERS = { double: [0, 1, true], seed: [0, MAX_SEED, true], seeds: [1, SEEDS.at(-1), true] };
