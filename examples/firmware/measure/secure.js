// What a device does that a phone pairs with: the scenes of tools/record.mjs.

pairing = function (state) {
  if (state === "paired") mark();
};

measure(null, VERSION, [
  BRING_UP,
  scene("connection", "a connection", 1),
  scene("pairing", "a pairing at level 4", 1, null, "what follows"),
  scene("discovery", "all of the database discovered", 1),
  scene("reads", "one ATT read", TIMES),
  scene("reads by a handler", "one ATT read, a handler called", TIMES),
  scene("writes", "one ATT write, a handler called", TIMES),
  scene("subscription", "a subscription", 1),
  scene("notifications", "one notification", NOTIFICATIONS, notifyAll),
  scene("disconnection", "the end of the connection", 1),
  scene("return", "the phone's return: a connection, encrypted", 1),
]);
