// What it takes to have everything: parsing, and bringing the chip up. The rest is that of the other presets.

measure(null, VERSION, [BRING_UP]);
