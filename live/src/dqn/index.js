/**
 * Pone en `element` el DQN que aprende en la página.
 * @param {HTMLElement} element
 * @param {Record<string, string>} [options]
 */
export function mountLiveDqn(element, options = {}) {
  element.textContent = "El DQN en vivo todavía no está en esta página.";
}
