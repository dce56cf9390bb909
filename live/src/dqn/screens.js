/** Los dos cuadros que se dibujan: el juego y el mapa de valores, con las mismas celdas. */
import { PADDLE, SIZE } from "./catch.js";
import { palette, valueColor } from "./style.js";

const CELL = 32; // píxeles de una celda
const BACKGROUND = "#181c26", GRID = "#252b39", BALL = "#f0a53c", PADDLE_COLOR = "#56b4e9";

function start(canvas) {
  if (canvas.width !== SIZE * CELL) canvas.width = canvas.height = SIZE * CELL;
  return canvas.getContext("2d");
}

const fill = (context, color, col, row, width = 1) => {
  context.fillStyle = color;
  context.fillRect(col * CELL + 1, row * CELL + 1, width * CELL - 2, CELL - 2);
};

/** El juego, con la pelota del cuadro anterior, que la red también ve, más tenue. */
export function drawGame(canvas, { ballRow, ballCol, ballDx, paddleCol }) {
  const context = start(canvas);
  context.fillStyle = BACKGROUND;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (let row = 0; row < SIZE; row++) for (let col = 0; col < SIZE; col++) fill(context, GRID, col, row);
  if (ballRow > 0) {
    context.globalAlpha = 0.35;
    fill(context, BALL, ballCol - ballDx, ballRow - 1);
    context.globalAlpha = 1;
  }
  fill(context, PADDLE_COLOR, paddleCol, SIZE - 1, PADDLE);
  fill(context, BALL, ballCol, ballRow);
}

/** El mapa: una celda por lugar de la pelota, y la paleta donde se la puso. */
export function drawMap(canvas, values, paddleCol) {
  const context = start(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const colors = palette(canvas);
  values.forEach((value, i) => fill(context, valueColor(colors, value).background, i % SIZE, Math.floor(i / SIZE)));
  context.fillStyle = BACKGROUND;
  context.fillRect(0, (SIZE - 1) * CELL, canvas.width, CELL);
  fill(context, PADDLE_COLOR, paddleCol, SIZE - 1, PADDLE);
}
