import { checkFirmware, openFirmware } from "../../core/chip/firmware.js";
import { check, finish, same } from "./_check.js";
import { createImage } from "./_image.js";

const scratch = new Uint8Array(16);

/** What is said of an image in which the byte at `offset` is `value`. */
function verdict(offset: number, value: number, length?: number): string {
  const image: any = createImage();
  image.offset = offset;
  image.value = value;
  if (length) image.length = length;
  const error: any = checkFirmware(openFirmware(image), scratch);
  return error ? error.code + " " + error.detail : "";
}

check("firmware: a whole image, and the revision in it", function () {
  const firmware = openFirmware(createImage());
  same(checkFirmware(firmware, scratch), null, "error");
  same(firmware._revision, 508, "revision");
  same(firmware._odd, "", "oddities");
});

check("firmware: damaged images", function () {
  const length = createImage().length;
  same(verdict(0, 0x4d), "firmware-opcode 0", "no command of a download");
  same(verdict(258 * 5 + 1, 0xfd), "firmware-opcode 5", "no command of a download");
  same(verdict(-1, 0, length - 7), "firmware-launch 32", "no Launch_RAM");
  same(verdict(-1, 0, length - 1), "firmware-record 33", "cut off in Launch_RAM");
  same(verdict(-1, 0, 8000), "firmware-size 8000", "too short");
  same(verdict(7 + 12, 4).substr(0, 14), "firmware-block", "a block that does not end where it says");
  same(verdict(7, 0x43), "", "no block at all");
});

check("firmware: bytes and byte strings", function () {
  const image = createImage();
  const bytes = new Uint8Array(image.length);
  image.read(0, bytes);
  same(checkFirmware(openFirmware(bytes), scratch), null, "bytes");
  let thrown = "";
  try {
    openFirmware(17);
  } catch (e) {
    thrown = (e as any).code;
  }
  same(thrown, "argument", "a number");
});

finish();
