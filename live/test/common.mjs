// Lo que comparten las pruebas: los datos que graba fixtures.py, y dónde están.
import { readFileSync, existsSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const HERE = fileURLToPath(new URL(".", import.meta.url));
export const FOLDER = `${HERE}fixtures/`;
const PYTHON = process.env.PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

/** Las grabaciones se hacen una vez, con el Python del curso (o el de la variable PYTHON). */
function record() {
  if (existsSync(`${FOLDER}referencias.json`)) return;
  const env = { ...process.env, PYTHONPATH: fileURLToPath(new URL("../..", import.meta.url)), OMP_NUM_THREADS: "1" };
  const run = spawnSync(PYTHON, [`${HERE}fixtures.py`, FOLDER], { env, stdio: "inherit" });
  if (run.status !== 0) throw new Error(`No se pudieron grabar las referencias con ${PYTHON}; indique otro Python en la variable PYTHON.`);
}

record();
export const references = JSON.parse(readFileSync(`${FOLDER}referencias.json`, "utf8"));
export const fixture = (rom, suffix) => readFileSync(`${FOLDER}${rom}.${suffix}`);

/** Los bytes de dentro de un archivo de datos de la página. */
export function unpack(text) {
  const [, base64] = /^arcadeDato\("[^"]+","([^"]+)"\);/.exec(text.toString());
  return new Uint8Array(gunzipSync(Buffer.from(base64, "base64")));
}
