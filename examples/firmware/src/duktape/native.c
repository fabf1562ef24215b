#include "native.h"

#include <crypto.h>

#include "hal.h"

/* An argument's bytes, `length` of them. */
static void *octets(duk_context *context, duk_idx_t index, duk_size_t length) {
  duk_size_t given;
  void *const bytes = duk_require_buffer_data(context, index, &given);
  if (given != length) (void)duk_range_error(context, "%ld bytes, expected %ld", (long)given, (long)length);
  return bytes;
}

static duk_ret_t aes(duk_context *context) {
  aes_encrypt(octets(context, 0, 16), octets(context, 1, 16));
  return 0;
}

static duk_ret_t p256public(duk_context *context) {
  duk_push_boolean(context, p256_public(octets(context, 0, 32), octets(context, 1, 64)));
  return 1;
}

static duk_ret_t p256shared(duk_context *context) {
  duk_push_boolean(context, p256_shared(octets(context, 0, 32), octets(context, 1, 64), octets(context, 2, 32)));
  return 1;
}

void native_install(duk_context *context) {
  duk_push_object(context);
  hal_method(context, "aes", aes, 2);
  hal_method(context, "p256public", p256public, 2);
  hal_method(context, "p256shared", p256shared, 3);
  duk_put_global_literal(context, "native");
}
