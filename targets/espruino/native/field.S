/*
 * The field of P-256: addition and subtraction modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, of numbers below p, least significant word first.
 * Thumb-2. Always the same instructions.
 */
  .syntax unified
  .thumb
  .section .text.field, "ax"
  .align 2

/** void fieldAdd(Word *sum, const Word *x, const Word *y) */
  .global fieldAdd
  .thumb_func
fieldAdd:
  push {r4-r10, lr}
  ldm r1, {r3-r10}
  mov r1, #0
  ldr r12, [r2]
  adds r3, r12
  ldr r12, [r2, #4]
  adcs r4, r12
  ldr r12, [r2, #8]
  adcs r5, r12
  ldr r12, [r2, #12]
  adcs r6, r12
  ldr r12, [r2, #16]
  adcs r7, r12
  ldr r12, [r2, #20]
  adcs r8, r12
  ldr r12, [r2, #24]
  adcs r9, r12
  ldr r12, [r2, #28]
  adcs r10, r12
  adc r1, r1
  // r1, r10 ... r3: less p; then r1 is -1 where that is negative, else 0.
less:
  subs r3, #0xffffffff
  sbcs r4, #0xffffffff
  sbcs r5, #0xffffffff
  sbcs r6, #0
  sbcs r7, #0
  sbcs r8, #0
  sbcs r9, #1
  sbcs r10, #0xffffffff
  sbc r1, #0
  // p more where r1 is -1.
more:
  and r2, r1, #1
  adds r3, r1
  adcs r4, r1
  adcs r5, r1
  adcs r6, #0
  adcs r7, #0
  adcs r8, #0
  adcs r9, r2
  adcs r10, r1
  stm r0, {r3-r10}
  pop {r4-r10, pc}

/** void fieldSubtract(Word *difference, const Word *x, const Word *y) */
  .global fieldSubtract
  .thumb_func
fieldSubtract:
  push {r4-r10, lr}
  ldm r1, {r3-r10}
  ldr r12, [r2]
  subs r3, r12
  ldr r12, [r2, #4]
  sbcs r4, r12
  ldr r12, [r2, #8]
  sbcs r5, r12
  ldr r12, [r2, #12]
  sbcs r6, r12
  ldr r12, [r2, #16]
  sbcs r7, r12
  ldr r12, [r2, #20]
  sbcs r8, r12
  ldr r12, [r2, #24]
  sbcs r9, r12
  ldr r12, [r2, #28]
  sbcs r10, r12
  sbc r1, r1
  b more

/** void fieldReduce(Word *rest, const Word *x, Word high): x + 2^256 high, below 2 p, modulo p */
  .global fieldReduce
  .thumb_func
fieldReduce:
  push {r4-r10, lr}
  mov r12, r2
  ldm r1, {r3-r10}
  mov r1, r12
  b less
