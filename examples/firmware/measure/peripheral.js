// What it takes to have it: parsing, and bringing the chip up.

measure({}, [], []);
