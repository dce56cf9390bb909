// La sala en un Chromium de verdad, con el guion que se reparte: desde file:// y desde un servidor.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { FOLDER } from "./common.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const SCRIPT = readFileSync(fileURLToPath(new URL("../../coursekit/arcade/static/arcade.js", import.meta.url)));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const missing = existsSync(CHROMIUM) ? false : `no hay un Chromium en ${CHROMIUM}; indíquelo en la variable CHROMIUM`;
if (missing && process.env.CI) throw new Error(missing);

let browser, server, address;
before(async () => {
  if (missing) return;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  server = createServer(({ url }, response) => {
    const path = new URL(url, "http://x").pathname.slice(1);
    const file = `${FOLDER}sala/${path}`;
    if (path === "arcade.js") return response.setHeader("content-type", "text/javascript").end(SCRIPT);
    if (!existsSync(file)) return response.writeHead(path === "favicon.ico" ? 204 : 404).end();
    response.setHeader("content-type", path.endsWith("html") ? "text/html" : path.endsWith("png") ? "image/png" : "text/javascript");
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}/`;
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * Abre la sala. Se anota todo lo que la página diga en la consola y todo lo que pida fuera de su lugar.
 * `change` puede tocar el catálogo antes de que el guion lo lea; `script` corre antes que nada.
 */
async function open({ from = "server", width = 1280, theme = "light", change, script, reducedMotion, on = browser, touch = false } = {}) {
  const context = await on.newContext({ viewport: { width, height: 900 }, colorScheme: theme, reducedMotion, hasTouch: touch });
  const page = await context.newPage();
  page.complaints = [];
  page.asked = [];
  page.on("console", (message) => page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("request", (request) => {
    page.asked.push(request.url());
    if (!request.url().startsWith(address) && !/^(file|blob|data):/.test(request.url())) page.complaints.push(`pidió ${request.url()}`);
  });
  if (script) await page.addInitScript(script);
  if (from === "file") {
    await page.route("**/arcade.js", (route) => route.fulfill({ body: SCRIPT, contentType: "text/javascript" }));
  }
  if (change) {
    await page.route("**/index.html", async (route) => {
      const text = readFileSync(`${FOLDER}sala/index.html`, "utf8");
      const [, json] = /application\/json">(.*?)<\/script>/s.exec(text);
      const manifest = JSON.parse(json);
      change(manifest);
      await route.fulfill({ body: text.replace(json, JSON.stringify(manifest)), contentType: "text/html" });
    });
  }
  await page.goto(`${from === "file" ? pathToFileURL(`${FOLDER}sala/`) : address}index.html`);
  page.part = (selector) => page.locator(selector).first();
  page.status = () => page.part(".status").textContent();
  page.score = async (who = "robot") => Number(await page.part(`[data-lane=${who}] .score`).textContent());
  page.until = async (condition, limit = 60_000) => {
    const end = Date.now() + limit;
    while (!(await condition())) {
      assert.ok(Date.now() < end, `no llegó a ocurrir: ${condition}; lo último que dijo la sala: ${await page.status()}`);
      await page.waitForTimeout(100);
    }
  };
  /** Una huella de lo que muestra una pantalla. */
  page.picture = (who = "robot") =>
    page.part(`[data-lane=${who}] canvas`).evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, 160, 210).data.reduce((hash, value) => (hash * 31 + value) | 0, 7));
  page.mode = (mode) => page.part(`input[value=${mode}]`).check({ force: true });
  return page;
}

// Del propio examen: leer los lienzos para ver qué muestran le parece lento a Chromium.
const READING = /Multiple readback operations using getImageData/;

async function close(page, allowed = []) {
  const complaints = page.complaints.filter((text) => ![READING, ...allowed].some((pattern) => pattern.test(text)));
  await page.context().close();
  assert.deepEqual(complaints, []);
}

async function accessible(page, moment) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html + " " + (n.any[0]?.message ?? "")).join(" | ")}`), [], moment);
}

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
const browserTest = (name, body) => test(name, { skip: missing, timeout: 240_000 }, body);

for (const from of ["file", "server"]) {
  for (const [width, theme] of [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
    browserTest(`${from}, ${width} px, ${theme}: se ve entera, axe-core no halla nada, y no pide datos hasta que se juega`, async () => {
      const page = await open({ from, width, theme });
      assert.ok(page.asked.every((url) => !/rom-|-dqn/.test(url)));
      assert.ok(await fits(page));
      await page.part("details").evaluate((details) => (details.open = true));
      await accessible(page, "antes de jugar");
      await page.part("[data-do=start]").click();
      await page.until(async () => (await page.part(".bars .value").textContent()) !== "–");
      assert.equal(page.asked.filter((url) => /rom-|-dqn/.test(url)).length, 2); // una ROM y un agente
      await accessible(page, "mientras juega el agente");
      for (const mode of ["person", "duel"]) {
        await page.mode(mode);
        await page.part("[data-do=start]").click();
        await page.until(async () => (await page.part("[data-do=toggle]").textContent()).includes("Pausa"));
        await page.waitForTimeout(500);
        assert.ok(await fits(page), mode);
        await accessible(page, mode);
      }
      await close(page);
    });
  }

  browserTest(`${from}: el puntaje sube, el peldaño cambia, la pausa y el paso obedecen`, async () => {
    const page = await open({ from });
    assert.equal(await page.workers().length, 0); // nada corre hasta que se aprieta el botón
    await page.part("[data-control=speed]").selectOption("4");
    await page.part("[data-do=start]").click();
    await page.until(async () => (await page.score()) >= 5, 90_000);

    await page.part("[data-control=speed]").selectOption("0.25"); // que la partida no se acabe en medio del examen
    const before = await page.part(".steps").textContent();
    await page.part("[data-control=rung]").focus();
    await page.keyboard.press("Home");
    await page.until(async () => /0 pasos/.test(await page.status()));
    assert.notEqual(await page.part(".steps").textContent(), before);
    assert.match(await page.part(".published").textContent(), /0\.3 puntos en 30 partidas/);

    await page.part(".bar [data-do=new]").click(); // el de 0 pasos pudo perder ya la que había
    await page.until(async () => (await page.score()) === 0);
    await page.part("[data-do=toggle]").click();
    await page.waitForTimeout(300);
    const still = await page.picture();
    await page.waitForTimeout(700);
    assert.equal(await page.picture(), still);
    await page.part("[data-do=step]").click();
    await page.until(async () => /valores Q: /.test(await page.status())); // dicho en palabras
    await close(page);
  });
}

browserTest("una partida de la persona, por teclado, se juega entera, se anota y se puede borrar", async () => {
  const page = await open();
  await page.mode("person");
  await page.part("[data-do=start]").click();
  await page.until(async () => (await page.part("[data-do=toggle]").textContent()).includes("Pausa"));
  const hint = page.part("[data-stage=person] .hint");
  assert.match(await hint.textContent(), /Espacio saca la pelota/);
  assert.ok(await hint.isVisible());
  // La flecha mueve la paleta, y no la página.
  const paddle = () => page.part("[data-lane=person] canvas").evaluate((canvas) => {
    const row = canvas.getContext("2d").getImageData(8, 190, 144, 1).data;
    for (let x = 0; x < 144; x++) if (row[4 * x] > 150) return x;
    return -1;
  });
  await page.keyboard.down("ArrowRight");
  await page.until(async () => (await paddle()) > 120);
  await page.keyboard.up("ArrowRight");
  await page.keyboard.down("ArrowLeft");
  await page.until(async () => (await paddle()) >= 0 && (await paddle()) < 20);
  await page.keyboard.up("ArrowLeft");
  assert.equal(await page.evaluate(() => scrollX + scrollY), 0);
  await page.until(async () => {
    await page.keyboard.press(" ", { delay: 120 });
    return /Terminó la partida/.test(await page.status());
  }, 200_000);
  assert.ok(!(await hint.isVisible())); // quien ya sacó sabe cómo
  assert.match(await page.status(), /Quedó anotada/);
  assert.match(await page.part(".record .you").textContent(), /1 partida/);
  // El final se dice sobre la pantalla, y el teclado sigue ahí: la barra no mueve la página y Enter empieza otra.
  const finish = page.part(".finish");
  assert.match(await finish.textContent(), /Terminó la partida: \d+ puntos?\./);
  assert.ok(await finish.evaluate((element) => element.getRootNode().activeElement === element));
  await page.waitForTimeout(900);
  await page.keyboard.press(" ");
  await page.until(async () => !(await finish.isVisible()));
  assert.equal(await page.evaluate(() => scrollX + scrollY), 0);
  await page.until(async () => (await page.part("[data-do=toggle]").textContent()).includes("Pausa"));
  await page.reload();
  await page.mode("person");
  assert.match(await page.part(".record .you").textContent(), /1 partida/);
  await page.part("[data-do=forget]").click();
  assert.match(await page.part(".record .you").textContent(), /ninguna/);
  await close(page);
});

browserTest("un botón junto al puntaje tapa la pelota, y lo dice sobre la pantalla", async () => {
  const page = await open();
  const button = page.part("[data-do=blind]"), badge = page.part(".blind");
  assert.equal(await button.textContent(), "Tápale la pelota");
  assert.ok(await badge.isHidden());
  await button.click();
  await page.until(async () => (await page.part("[data-do=toggle]").textContent()).includes("Pausa"));
  assert.equal(await badge.textContent(), "Sin ver la pelota");
  assert.equal(await button.getAttribute("aria-pressed"), "true");
  assert.ok(await page.part("[data-hinder=ball]").isChecked());
  await page.until(async () => /Terminó la partida/.test(await page.status()), 120_000);
  assert.match(await page.part(".finish").textContent(), /con estorbos; sin ellos hizo \d+\.\d de media/);
  await button.click();
  assert.ok(await badge.isHidden());
  assert.equal(await button.textContent(), "Tápale la pelota");
  await page.part("[data-hinder=sticky]").evaluate((box) => box.click());
  assert.equal(await badge.textContent(), "Acciones pegajosas");
  const drawn = () => page.part(".seen canvas").evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, 345, 84).data.some(Boolean));
  assert.ok(await drawn());
  await page.mode("duel");
  assert.ok(!(await drawn())); // lo que vio era de otra partida
  await close(page);
});

browserTest("con el dedo se mueve la paleta y se saca la pelota; los botones de la página también sirven", async () => {
  const page = await open({ width: 390, touch: true });
  await page.mode("person");
  await page.part("[data-do=start]").tap();
  await page.until(async () => (await page.part("[data-do=toggle]").textContent()).includes("Pausa"));
  assert.match(await page.part("[data-stage=person] .hint").textContent(), /^Toca para sacar/);
  const box = await page.part("[data-stage=person]").boundingBox();
  const red = (x0, x1) => page.part("[data-lane=person] canvas").evaluate((canvas, [a, b]) => canvas.getContext("2d").getImageData(a, 190, b - a, 1).data.some((value, i) => i % 4 === 0 && value > 150), [x0, x1]);
  const session = await page.context().newCDPSession(page);
  const finger = (type, share) => session.send("Input.dispatchTouchEvent", { type, touchPoints: share === null ? [] : [{ x: box.x + share * box.width, y: box.y + box.height / 2 }] });
  await finger("touchStart", 0.85);
  await page.until(() => red(128, 144));
  await finger("touchMove", 0.2);
  await page.until(() => red(24, 40));
  await finger("touchEnd", null);
  await page.part("[data-hold='1']").dispatchEvent("pointerdown", { pointerId: 1 }).catch(() => {});
  const button = await page.part("[data-hold='1']").boundingBox();
  await page.mouse.move(button.x + 10, button.y + 10);
  await page.mouse.down();
  await page.until(() => red(140, 151));
  await page.mouse.up();
  await close(page, [/setPointerCapture/]);
});

browserTest("todo se puede con el teclado solo", async () => {
  const page = await open();
  const active = () => page.evaluate(() => {
    const element = document.querySelector("[data-arcade]").shadowRoot.activeElement;
    return element && (element.dataset.do ?? element.dataset.control ?? element.dataset.hinder ?? element.value ?? element.tagName);
  });
  const reached = new Set();
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    reached.add(await active());
  }
  for (const name of ["agent", "run", "start", "toggle", "step", "new", "speed", "say", "rung"]) assert.ok(reached.has(name), `no se llega a «${name}»: ${[...reached]}`);
  await page.part("[data-do=start]").focus();
  await page.keyboard.press("Enter");
  await page.until(async () => /Juega el agente/.test(await page.status()));
  await page.part("summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press(" ");
  assert.match(await page.status(), /Tapar la pelota: sí/);
  await page.part("input[value=agent]").focus();
  await page.keyboard.press("ArrowRight");
  assert.ok(await page.part("input[value=person]").isChecked());
  await close(page);
});

browserTest("una pestaña oculta y una página que se deja no siguen jugando", async () => {
  const page = await open();
  await page.part("[data-do=start]").click();
  await page.until(async () => /Juega el agente/.test(await page.status()));
  await page.until(() => page.workers().length === 1, 5000);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.waitForTimeout(1_500); // a lo que venía en camino, en una máquina ocupada, le toma un rato llegar
  assert.match(await page.status(), /En pausa/);
  const still = await page.picture();
  await page.waitForTimeout(500);
  assert.equal(await page.picture(), still);
  await page.goto("about:blank");
  await page.until(() => page.workers().length === 0, 5000);
  await close(page);
});

browserTest("veinte partidas nuevas no acumulan memoria ni hilos", async () => {
  const page = await open();
  await page.part("[data-do=start]").click();
  await page.until(async () => /Juega el agente/.test(await page.status()));
  const session = await page.context().newCDPSession(page);
  const used = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize + (await session.send("Runtime.getHeapUsage")).backingStorageSize;
  };
  const again = async () => {
    await page.part(".bar [data-do=new]").click();
    await page.waitForTimeout(400);
  };
  for (let i = 0; i < 3; i++) await again();
  const before = await used();
  for (let i = 0; i < 20; i++) await again();
  const growth = ((await used()) - before) / 1e6;
  assert.equal(page.workers().length, 1);
  assert.ok(growth < 2, `creció ${growth.toFixed(1)} MB`);
  await close(page);
});

browserTest("con movimiento reducido nada se mueve hasta que se pide, y nada se anima de más", async () => {
  const page = await open({ reducedMotion: "reduce" });
  assert.equal(await page.part(".fill").evaluate((fill) => getComputedStyle(fill).transitionDuration), "0s");
  const still = await page.picture();
  await page.waitForTimeout(500);
  assert.equal(await page.picture(), still);
  await close(page);
});

const broken = (manifest, agents) => (manifest.runs[0].agents = agents);
const FAILURES = {
  "pesos que faltan": { options: { change: (m) => broken(m, [{ id: "no-existe", steps: 1 }]) }, says: /No se pudo leer no-existe\.js/, noise: [/404/] },
  "pesos dañados": {
    options: {}, says: /breakout-dqn-final\.js está dañado/,
    prepare: (page) => page.route("**/breakout-dqn-final.js", (route) => {
      const text = readFileSync(`${FOLDER}sala/breakout-dqn-final.js`, "latin1"), half = text.length / 2;
      return route.fulfill({ body: `${text.slice(0, half)}AAAA${text.slice(half + 4)}`, contentType: "text/javascript" });
    }),
  },
  "un agente de otro juego": { options: { change: (m) => broken(m, [{ id: "pong-dqn-final", steps: 1 }]) }, says: /no son los de un agente de 4 acciones/ },
  "un navegador sin hilos": { options: { script: () => delete window.Worker }, says: /no permite el hilo aparte/ },
  "una instalación sin la ROM": { options: { change: (m) => Object.assign(m.runs[0], { missing: "No se pudo copiar la ROM de Breakout." }) }, says: /No se pudo copiar la ROM/, early: true },
};
for (const [name, { options, says, prepare, early, noise }] of Object.entries(FAILURES)) {
  browserTest(`${name}: una frase y una foto, y la página sigue viva`, async () => {
    const page = await open(options);
    await prepare?.(page);
    if (!early) await page.part("[data-do=start]").click();
    await page.until(() => page.part(".problem").isVisible());
    assert.match(await page.part(".problem").textContent(), says);
    assert.ok(await page.part(".cover img").evaluate((image) => image.complete && image.naturalWidth === 160));
    await page.part("[data-control=run]").selectOption("pong-dqn"); // otra corrida, que sí está entera
    if (name !== "un navegador sin hilos") {
      await page.part("[data-do=start]").click();
      await page.until(async () => /Juega el agente/.test(await page.status()));
    }
    await close(page, noise);
  });
}

browserTest("sin WebAssembly el agente juega igual, más despacio", async () => {
  const page = await open({
    script: () => {
      const Whole = Blob; // se le quita también al hilo, cuyo guion sale de un Blob
      window.Blob = function (parts, options) {
        return new Whole(options?.type === "text/javascript" ? ["delete self.WebAssembly;", ...parts] : parts, options);
      };
      delete window.WebAssembly;
    },
  });
  await page.part("[data-do=start]").click();
  await page.until(async () => (await page.part(".bars .value").textContent()) !== "–");
  assert.equal(await page.workers()[0].evaluate(() => typeof WebAssembly), "undefined");
  await close(page);
});

browserTest("si el navegador no deja guardar, se dice y el juego sigue", async () => {
  const page = await open({ script: () => (Storage.prototype.setItem = () => { throw new DOMException("lleno", "QuotaExceededError"); }) });
  await page.mode("person");
  await page.part("[data-do=start]").click();
  await page.until(async () => {
    await page.keyboard.press(" ", { delay: 120 });
    return /Terminó la partida/.test(await page.status());
  }, 200_000);
  assert.match(await page.status(), /No se pudo anotar/);
  await close(page);
});

browserTest("los estorbos llegan al agente: sin pelota no la ve, y congelado ve cuatro veces lo mismo", async () => {
  const page = await open();
  await page.part("[data-control=speed]").selectOption("4");
  await page.part("[data-do=start]").click();
  await page.until(async () => (await page.score()) >= 1);
  await page.part("details").evaluate((details) => (details.open = true));
  const tiles = () => page.part(".seen canvas").evaluate((canvas) => [0, 1, 2, 3].map((k) => canvas.getContext("2d").getImageData(k * 87, 0, 84, 84).data.join()));
  await page.part("[data-hinder=freeze]").check();
  await page.waitForTimeout(600);
  assert.equal(new Set(await tiles()).size, 1);
  await page.part("[data-hinder=freeze]").uncheck();
  await page.part("[data-hinder=ball]").check();
  await page.until(() => page.part(".seen canvas").evaluate((canvas) => canvas.getContext("2d").getImageData(3 * 87 + 6, 40, 70, 30).data.every((v, i) => i % 4 === 3 || v === 0)));
  await close(page);
});

browserTest("la celda de JupyterLab: la misma sala, con todo adentro", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(pathToFileURL(`${FOLDER}celda.html`).href);
  const frame = page.frameLocator("iframe");
  await frame.locator("[data-do=start]").click();
  await frame.locator(".status", { hasText: "Juega el agente" }).waitFor({ timeout: 30_000 });
  await context.close();
  assert.deepEqual(complaints, []);
});
