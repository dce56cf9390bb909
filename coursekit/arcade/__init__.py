"""La sala de juegos."""
