// Between application.js and what measures scenes of a recording.

// The version that the recorded controller has, for when the recording is over and the stack looks whether it is there.
var VERSION = complete(0x1001, 8, [9, 0, 0, 9, 0xff, 0xff, 0, 0]);

// A function for measure() that plays a scene; its parameters are those of play().
function scene(name, row, count, work, following) {
  return function (next) {
    play(name, row, count, work || function () {}, following, next);
  };
}

// The first scene.
var BRING_UP = scene(
  "bring-up",
  "bring-up, from open() to onready",
  1,
  function () {
    tap();
    application({ onready: mark, onerror: fail });
  },
  "a key pair ahead of need, the advert on the air"
);
