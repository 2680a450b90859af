"""Does each part of the recipe help? Variants of one training, three seeds, the same cases, paired."""
