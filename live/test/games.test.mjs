// Partidas enteras con los pesos que se reparten, contra la evaluación publicada; y la velocidad, contra el tiempo real.
//   npm run games   veinte por juego: unos 10 minutos de procesador (PARTIDAS=5 npm run games: cinco)
// Con las mismas semillas salen siempre las mismas partidas: la prueba no depende de la suerte.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Agent, playGame } from "../src/agent.js";
import { Atari } from "../src/atari.js";
import { GAMES } from "../src/games.js";
import { Network } from "../src/network.js";
import { generator } from "../src/random.js";
import { summarize } from "../src/stats.js";
import { fixture, references, unpack } from "./common.mjs";

/** De aquí salen las cifras de book/arcade.md; se escribe solo con ESCRIBIR=1, como en «npm run games». */
const RESULTS = fileURLToPath(new URL("../../book/runs/sala.json", import.meta.url));
const EPISODES = Number(process.env.PARTIDAS ?? 20);

for (const [name, game] of Object.entries(GAMES)) {
  test(`${name}: ${EPISODES} partidas enteras puntúan como las publicadas, a más de 2 veces el tiempo real`, (context) => {
    const { summary } = references[name].published;
    const agent = new Agent(new Network(unpack(fixture(game.rom, "pesos")), game.actions.length), game);
    const atari = new Atari(name, fixture(game.rom, "rom"));
    const scores = [];
    let frames = 0;
    const start = process.cpuUsage();
    for (let seed = 0; seed < EPISODES; seed++) {
      const played = playGame(agent, atari, generator(seed));
      scores.push(played.score);
      frames += played.frames;
    }
    const used = process.cpuUsage(start); // de procesador: lo que otros procesos esperen no cuenta
    const speed = frames / 60 / ((used.user + used.system) / 1e6);
    const ours = summarize(scores);
    context.diagnostic(
      `${ours.mean.toFixed(1)} [${ours.low.toFixed(1)}, ${ours.high.toFixed(1)}] aquí y ${summary.mean.toFixed(1)} ` +
        `[${summary.ci_low.toFixed(1)}, ${summary.ci_high.toFixed(1)}] en ALE; ${speed.toFixed(1)} veces el tiempo real`,
    );
    context.diagnostic(scores.join(" "));
    if (process.env.ESCRIBIR) {
      const kept = JSON.parse(readFileSync(RESULTS, "utf8"));
      const { mean, low, high } = ours;
      kept[game.rom] = { games: EPISODES, mean, low, high, scores };
      writeFileSync(RESULTS, `${JSON.stringify(kept, null, 1)}\n`);
    }
    assert.ok(ours.low <= summary.ci_high && ours.high >= summary.ci_low, "los intervalos no se tocan");
    assert.ok(Math.abs(ours.mean - summary.mean) <= 0.2 * Math.abs(summary.mean), "la media se aparta más de 20 %");
    assert.ok(speed >= 2);
  });
}
