/* What a board computes faster than its scripts do. All octet strings most significant octet first; time and memory accesses depend on no secret. */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stdint.h>

/* AES-128 (FIPS-197): encrypts the 16 bytes of `block` in place under the 16 bytes of `key`. */
void aes_encrypt(const uint8_t *key, uint8_t *block);

/* The public key (x then y, 64 bytes) of a secret of 32 bytes on P-256 (FIPS 186-4). Returns 0 where the secret is not from 1 to n - 1. */
int p256_public(const uint8_t *secret, uint8_t *target);

/* The x coordinate (32 bytes) of a secret times the point `peer` (64 bytes). Returns 0 for a secret out of range and for a point that is not on the curve. */
int p256_shared(const uint8_t *secret, const uint8_t *peer, uint8_t *target);

#endif
