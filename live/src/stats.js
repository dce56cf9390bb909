// El mismo resumen que coursekit.evaluation.summarize: media, intervalo por remuestreo y puntaje normalizado.
import { generator, integer } from "./random.js";

/**
 * @param {number[]} scores
 * @param {{chance: number, human: number}} [reference] puntajes al azar y de la persona de referencia
 * @returns {{games: number, mean: number, low: number, high: number, hns: number | undefined} | null}
 */
export function summarize(scores, reference, resamples = 4000) {
  if (scores.length === 0) return null;
  const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = average(scores), random = generator(0);
  const means = Array.from({ length: resamples }, () => average(scores.map(() => scores[integer(random, scores.length)])));
  means.sort((a, b) => a - b);
  const percentile = (p) => {
    const at = (p / 100) * (resamples - 1), low = Math.floor(at);
    return means[low] + (at - low) * ((means[low + 1] ?? means[low]) - means[low]);
  };
  return {
    games: scores.length,
    mean,
    low: percentile(2.5),
    high: percentile(97.5),
    hns: reference && (mean - reference.chance) / (reference.human - reference.chance),
  };
}
