import { get16 } from "../bytes/bytes.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { isLive, type Link } from "../connection.js";
import { cmac } from "../crypto/provider.js";
import { callable, failure } from "../errors.js";
import { report, type Host } from "../host.js";
import { addGauge, gauge } from "../memory.js";
import { Limit } from "../options.js";
import { attempt, readRecords, Record, replaceRecords } from "../records.js";
import type { Bond } from "./pairing.js";
import { ah, reversed } from "./toolbox.js";

/** A bond as the application sees it. */
export interface BondInfo {
  /** The identity of the other device, 12 lower-case hex digits. */
  address: string;
  addresstype: number;
  /** The security level that its key gives. */
  level: number;
}

const enum Size {
  /** Of a bond in the store, without what may be left out. */
  Fixed = 57,
  Key = 16,
  /** Handle and value of a configuration. */
  Configured = 3,
  /** The longest record. */
  Record = 255,
}

const enum Milliseconds {
  /** A bond that has changed is saved a little later: more may change. */
  Save = 1000,
}

/** A bond as the store keeps it; the format never changes its meaning. Configurations that do not fit into a record are left out. */
function pack(bond: Bond): Uint8Array {
  const keys = [bond._irk, bond._csrk];
  const fixed = Size.Fixed + (bond._irk ? Size.Key : 0) + (bond._csrk ? Size.Key : 0);
  let kept = bond._configured.length / 2;
  while (fixed + kept * Size.Configured > Size.Record) kept--;
  const bytes = new Uint8Array(fixed + kept * Size.Configured);
  let at = Size.Fixed;
  bytes[0] = bond._type;
  bytes.set(bond._address, 1);
  bytes[7] = bond._level;
  bytes[8] = (bond._secure ? 1 : 0) | (bond._irk ? 2 : 0) | (bond._csrk ? 4 : 0);
  bytes.set(bond._ltk, 9);
  bytes[25] = bond._ediv;
  bytes[26] = bond._ediv >> 8;
  bytes.set(bond._rand, 27);
  for (let i = 0; i < 4; i++) bytes[35 + i] = bond._signed >>> (8 * i);
  bytes[39] = bond._features;
  bytes.set(bond._hash, 40);
  bytes[56] = kept;
  for (let i = 0; i < 2; i++) {
    if (keys[i]) {
      bytes.set(keys[i]!, at);
      at += Size.Key;
    }
  }
  for (let i = 0; i < 2 * kept; i += 2) {
    bytes[at++] = bond._configured[i];
    bytes[at++] = bond._configured[i] >> 8;
    bytes[at++] = bond._configured[i + 1];
  }
  return bytes;
}

/** The bond that the store has kept, or null for bytes that are none. */
function unpack(bytes: Uint8Array): Bond | null {
  let at = Size.Fixed;
  const flags = bytes[8];
  const bond: Bond = {
    _type: bytes[0] & 1,
    _address: new Uint8Array(bytes.subarray(1, 7)),
    _level: bytes[7],
    _secure: (flags & 1) > 0,
    _ltk: new Uint8Array(bytes.subarray(9, 25)),
    _ediv: get16(bytes, 25),
    _rand: new Uint8Array(bytes.subarray(27, 35)),
    _signed: (get16(bytes, 35) | (get16(bytes, 37) << 16)) >>> 0,
    _features: bytes[39],
    _hash: new Uint8Array(bytes.subarray(40, 56)),
    _configured: [],
  };
  let zero = true;
  for (let i = 0; i < 16; i++) if (bond._ltk[i]) zero = false;
  // A key of zeros is none, and a level that does not exist gives nothing.
  if (bytes.length < Size.Fixed || zero || (bond._level != 1 && bond._level != 3 && bond._level != 4)) return null;
  if (bytes.length != Size.Fixed + (flags & 2 ? Size.Key : 0) + (flags & 4 ? Size.Key : 0) + bytes[56] * Size.Configured) return null;
  if (flags & 2) bond._irk = new Uint8Array(bytes.subarray(at, (at += Size.Key)));
  if (flags & 4) bond._csrk = new Uint8Array(bytes.subarray(at, (at += Size.Key)));
  for (; at < bytes.length; at += Size.Configured) bond._configured.push(get16(bytes, at), bytes[at + 2]);
  return bond;
}

/** Saves all bonds; returns false where the store does not take them. */
export function save(host: Host): boolean {
  const contents: Uint8Array[] = [];
  clearTimer(host, Slot.Save);
  for (let i = 0; i < host._bonds!.length; i++) contents.push(pack(host._bonds![i]));
  host._unsaved = false;
  return attempt(host, "bonds", function () {
    return replaceRecords(host._options.store!, Record.Bond, contents);
  });
}

function saveSoon(host: Host): void {
  host._unsaved = true;
  setTimer(host, Slot.Save, Milliseconds.Save, save);
}

/** The bond with an identity. */
export function findBond(host: Host, address: Uint8Array, type?: number): Bond | null {
  for (let i = 0; host._bonds && i < host._bonds.length; i++) {
    const bond = host._bonds[i];
    let same = type === undefined || bond._type == type;
    for (let j = 0; j < 6; j++) if (bond._address[j] != address[j]) same = false;
    if (same) return bond;
  }
  return null;
}

/** Looks whether a peer is known, by its address or, where that is a resolvable private one, by its key; then `done` is called. */
export function resolvePeer(host: Host, link: Link, done: () => void): void {
  const peer = link._airPeer;
  // Others may come and go meanwhile.
  const bonds = (host._bonds || []).slice(0);
  let index = 0;

  function found(bond: Bond | null): void {
    link._bond = bond;
    if (bond) {
      link._peer = bond._address;
      link._peertype = bond._type;
    }
    done();
  }

  function next(): void {
    let bond: Bond | undefined;
    while (index < bonds.length && !(bond = bonds[index++])._irk) bond = undefined;
    if (!bond || !bond._irk) return found(null);
    const candidate = bond;
    ah(host, link, candidate._irk!, reversed(peer, 3, 3), function (hash) {
      if (hash[0] == peer[2] && hash[1] == peer[1] && hash[2] == peer[0] && host._bonds!.indexOf(candidate) >= 0) found(candidate);
      else next();
    });
  }

  if (link._airType && peer[5] >> 6 == 1) next();
  else found(findBond(host, peer, link._airType));
}

function isHeld(host: Host, bond: Bond): boolean {
  for (let i = 0; i < host._links.length; i++) if (host._links[i]._bond == bond) return true;
  return false;
}

/**
 * Keeps a new bond in place of the old one with the same device; or, without one, what has changed in the bond of a link that ends.
 * @returns false where it cannot be kept
 */
export function keepBond(host: Host, link: Link | null, bond?: Bond): boolean {
  const bonds = host._bonds;
  if (!bonds) return false;
  if (!bond) {
    const mine = link && link._bond;
    if (mine && link._proved) remember(host, link);
    return link && !host._unsaved ? true : save(host);
  }
  const before = bonds.slice(0);
  const old = findBond(host, bond._address, bond._type) || (link && link._bond);
  // A stranger does not take the place of a device that has proved itself by less than it has.
  if (old && old._level > bond._level) return false;
  // An identity that is claimed proves nothing.
  if (old && link && old != link._bond && (isHeld(host, old) || bond._level < 2)) return false;
  if (old) {
    bond._configured = old._configured;
    bonds.splice(bonds.indexOf(old), 1);
  }
  for (let i = 0; i < bonds.length && bonds.length >= host._limits[Limit.Bonds]; ) {
    if (bond._level > 1 && !isHeld(host, bonds[i])) bonds.splice(i, 1);
    else i++;
  }
  bonds.push(bond);
  if (bonds.length <= host._limits[Limit.Bonds] && save(host)) {
    gauge(host, "bonds", bonds.length);
    if (link) {
      link._bond = bond;
      remember(host, link);
      saveSoon(host);
    }
    return true;
  }
  // As it was.
  bonds.splice(0, bonds.length);
  for (let i = 0; i < before.length; i++) bonds.push(before[i]);
  return false;
}

/** Notes in a link's bond what it has set. */
function remember(host: Host, link: Link): void {
  const bond = link._bond!;
  bond._features = link._features || 0;
  if (!link._changed && !link._awareness && host._hash) bond._hash = host._hash;
}

/** Gives a link back what its bond remembers. The link is encrypted with the bond's key. */
export function restoreBond(host: Host, link: Link): void {
  const bond = link._bond!;
  let known = false;
  for (let i = 0; i < 16; i++) if (bond._hash[i]) known = true;
  let same = true;
  const configured = bond._configured;
  for (let i = 0; i < 16; i++) if (known && host._hash && host._hash[i] != bond._hash[i]) same = false;
  link._features = bond._features;
  // The newest lasts longest.
  host._bonds!.push(host._bonds!.splice(host._bonds!.indexOf(bond), 1)[0]);
  // What it says of handles that mean something else now must not come back.
  if (!same) bond._configured = [];
  if (host._restore) host._restore(link, configured, same);
}

/** Takes the bonds out of the store, where there is one. */
export function addBonds(host: Host): void {
  const store = host._options.store;
  if (!store) return;
  callable("open", "store.load", store.load);
  callable("open", "store.save", store.save);
  host._bonds = [];
  addGauge(host, "bonds", host._limits[Limit.Bonds], 0);
  try {
    const records = readRecords(store, Record.Bond);
    for (let i = 0; i < records.length; i++) {
      const bond = unpack(records[i]);
      if (bond && host._bonds.length < host._limits[Limit.Bonds] && !findBond(host, bond._address, bond._type)) host._bonds.push(bond);
    }
  } catch (e) {
    report(host, failure("store", "bonds", 0, String(e)));
  }
  gauge(host, "bonds", host._bonds.length);
  host._configured = function (link, handle, value) {
    const bond = link._bond;
    if (!bond || !link._proved) return;
    const list = bond._configured;
    let at = 0;
    while (at < list.length && list[at] != handle) at += 2;
    if (value) {
      list[at] = handle;
      list[at + 1] = value;
    } else if (at < list.length) list.splice(at, 2);
    saveSoon(host);
  };
  host._signed = function (link, bytes, at, length, store) {
    const bond = link._bond;
    const counter = (get16(bytes, at + length - 12) | (get16(bytes, at + length - 10) << 16)) >>> 0;
    if (!bond || !bond._csrk || link._encrypted || host._level > 1 || counter < bond._signed) return false;
    // Vol 3 Part H section 2.4.5: all that is before the signature, and the counter, most significant octet first.
    const value = new Uint8Array(bytes.subarray(at, at + length - 12));
    const signature = reversed(bytes, at + length - 8, 8);
    cmac(host, link, bond._csrk, reversed(bytes, at, length - 8), function (mac) {
      let wrong = 0;
      for (let i = 0; i < 8; i++) wrong |= mac[i] ^ signature[i];
      if (wrong || counter < bond._signed || !isLive(link)) return;
      bond._signed = (counter + 1) >>> 0;
      // After the last number the key is used up.
      if (!bond._signed) bond._csrk = null;
      saveSoon(host);
      store(value);
    });
    return true;
  };
}
