// El motor, en su propio hilo: la página no se detiene mientras el agente piensa.
import { Engine } from "./engine.js";

const engine = new Engine((message, transfer) => self.postMessage(message, transfer ?? []));
self.onmessage = ({ data }) => engine.receive(data);
