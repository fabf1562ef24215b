#include "native.h"

#include <crypto.h>
#include <jerryscript.h>

#include "hal.h"

#define ARGUMENTS const jerry_call_info_t *info, const jerry_value_t arguments[], const jerry_length_t count

/* An argument's bytes, NULL where there are not `length` of them. They stay as long as the argument does. */
static uint8_t *octets(const jerry_value_t arguments[], jerry_length_t count, unsigned place, jerry_length_t length) {
  jerry_length_t begin, given;
  if (place >= count || !jerry_value_is_typedarray(arguments[place])) return NULL;
  const jerry_value_t whole = jerry_typedarray_buffer(arguments[place], &begin, &given);
  uint8_t *const bytes = jerry_arraybuffer_data(whole) + begin;
  jerry_value_free(whole);
  return given == length ? bytes : NULL;
}

static jerry_value_t refusal(void) {
  return jerry_throw_sz(JERRY_ERROR_RANGE, "not as many bytes as expected");
}

static jerry_value_t aes(ARGUMENTS) {
  uint8_t *const key = octets(arguments, count, 0, 16), *const block = octets(arguments, count, 1, 16);
  (void)info;
  if (!key || !block) return refusal();
  aes_encrypt(key, block);
  return jerry_undefined();
}

static jerry_value_t p256public(ARGUMENTS) {
  uint8_t *const secret = octets(arguments, count, 0, 32), *const target = octets(arguments, count, 1, 64);
  (void)info;
  return secret && target ? jerry_boolean(p256_public(secret, target)) : refusal();
}

static jerry_value_t p256shared(ARGUMENTS) {
  uint8_t *const secret = octets(arguments, count, 0, 32), *const peer = octets(arguments, count, 1, 64), *const target = octets(arguments, count, 2, 32);
  (void)info;
  return secret && peer && target ? jerry_boolean(p256_shared(secret, peer, target)) : refusal();
}

void native_install(void) {
  const jerry_value_t native = jerry_object(), global = jerry_current_realm();
  hal_method(native, "aes", aes);
  hal_method(native, "p256public", p256public);
  hal_method(native, "p256shared", p256shared);
  hal_property(global, "native", native);
  jerry_value_free(global);
}
