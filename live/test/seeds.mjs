// La tabla de book/dqn_en_vivo.md: diez semillas con todo, sin cada pieza, con tres pasos y con Double DQN.
//   node test/seeds.mjs       unos diez minutos
import { median } from "../src/dqn/chart.js";
import { DQN, EVALUATE_EVERY } from "../src/dqn/dqn.js";
import { format } from "../src/dqn/settings.js";

const CHANGES = {
  "con todo": {},
  "sin memoria": { buffer_size: 16 },
  "sin red objetivo": { target_update_interval: 1 },
  "sin exploración": { exploration_initial_eps: 0, exploration_final_eps: 0 },
  "con tres pasos": { n_steps: 3 },
  "con Double DQN": { double: true },
};

for (const [name, changes] of Object.entries(CHANGES)) {
  const last = [], first = [];
  for (let seed = 0; seed < 10; seed++) {
    const model = new DQN(changes, seed);
    let solved = Infinity;
    while (!model.done) {
      model.learn();
      if (model.numTimesteps % EVALUATE_EVERY === 0 && model.evaluate() >= 0.95) solved = Math.min(solved, model.numTimesteps);
    }
    last.push(model.evaluate());
    first.push(solved);
  }
  const percent = (part) => `${Math.round(part * 100)} %`;
  const spread = `de ${percent(Math.min(...last))} a ${percent(Math.max(...last))}`;
  const half = median(first);
  console.log(`| ${name} | ${percent(median(last))} | ${spread} | ${last.filter((part) => part >= 0.95).length} de 10 | ${half < Infinity ? format(half) : "—"} |`);
}
