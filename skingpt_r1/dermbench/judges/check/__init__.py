"""What is wrong with a judge: how its scores move where the worth of a text does not, and how far judges agree."""
