# Runs inside the guest: Linux and its bluetoothd are the phone of the Wi-Fi refresh at level 4. It looks for PEER, pairs by typing the code, writes the name of a
# network, its password and the trigger, upon which the device ends the connection; then it comes back by the key that both have kept, and does it once more.
# PEER, SERVICE, SSID, PASSWORD, TRIGGER (UUIDs), NAME1, WORD1, NAME2, WORD2 (values, decimal bytes) are set in lines before these. The code is read from the
# console, where "ASK" wants it. What bluetoothctl says goes to the console between lines that begin with "##".
ESC=$(printf '\033')
said() { tail -n +$((MARK + 1)) /tmp/said | tr -d '\001\002\r' | sed "s/$ESC\[[0-9;?]*[a-zA-Z]//g; s/^\[[^]]*\][#>] *//"; }
tell() { MARK=$(busybox wc -l < /tmp/said); echo "$*" >&3; }
# await PATTERN SECONDS: until bluetoothctl has said such a thing since the last `tell`
await() { n=0; while ! said | grep -qE "$1"; do n=$((n + 1)); [ $n -lt $(($2 * 5)) ] || return 1; sleep 0.2; done; }
# report NAME PATTERN SECONDS: waits for what it has to say
report() {
  if await "$2" "$3"; then state=ok; else state=FAIL; fi
  sleep 0.3
  echo "## $1 $state"; said | grep -v '^ *$'
}
# step NAME PATTERN SECONDS COMMAND...: has it do something
step() { name=$1; pattern=$2; limit=$3; shift 3; tell "$*"; report "$name" "$pattern" "$limit"; }
# refresh NAME VALUE VALUE: writes both, and the trigger; the device leaves
refresh() {
  tell "gatt.select-attribute $SSID"; sleep 0.5
  step "$1-name" 'Attempting to write' 5 "gatt.write \"$2\""
  tell "gatt.select-attribute $PASSWORD"; sleep 0.5
  step "$1-password" 'Attempting to write' 5 "gatt.write \"$3\""
  tell "gatt.select-attribute $TRIGGER"; sleep 0.5
  step "$1-trigger" 'Connected: no' 10 'gatt.write "1"'
}

btattach -B /dev/ttyS1 -P h4 -S 115200 > /tmp/btattach.log 2>&1 &
for i in $(seq 100); do hciconfig hci0 2> /dev/null | grep -q 'BD Address: 00:AA' && break; sleep 0.1; done
mkdir -p /run/dbus
dbus-daemon --config-file=/etc/dbus-1/system.conf --fork
bluetoothd -n > /tmp/bluetoothd.log 2>&1 &
for i in $(seq 60); do timeout 3 btmgmt --index 0 info 2> /dev/null | grep -q 'current settings: powered' && break; sleep 0.3; done
mkfifo /tmp/tell
: > /tmp/said
stdbuf -oL bluetoothctl --agent KeyboardOnly < /tmp/tell > /tmp/said 2>&1 &
exec 3> /tmp/tell
MARK=0
await 'Agent registered' 8
step agent 'Default agent request successful' 5 default-agent

tell scan.uuids $SERVICE; sleep 0.3
tell scan.transport le; sleep 0.3
# The kernel drops a report that comes before its scan counts as begun, and this air reports once for each scan.
for k in 1 2 3 4 5 6; do
  step scan "Device $PEER" 3 scan on
  [ $state = FAIL ] || break
  tell scan off; sleep 1
done
tell scan off; sleep 0.5
tell "pair $PEER"
report passkey 'Request passkey' 25
echo ASK
i=0; while [ -z "$CODE" ] && [ $i -lt 6 ]; do read -r -t 5 CODE < /dev/ttyS0; i=$((i + 1)); done
echo "$CODE" >&3
report pair 'Pairing successful' 35
step paired 'Paired: yes' 10 "info $PEER"
await 'ServicesResolved: yes' 10
sleep 1
refresh first "$NAME1" "$WORD1"
sleep 1
step again 'ServicesResolved: yes' 20 connect $PEER
sleep 1
refresh second "$NAME2" "$WORD2"
if grep -c 'Request passkey' /tmp/said | grep -qx 1; then echo "## asked-once ok"; else echo "## asked-once FAIL"; fi
echo "## end"
grep -vE 'vcp|mcp|bap|sap|plugin|privacy|bnep|avrcp' /tmp/bluetoothd.log | tail -20
dmesg | grep -i bluetooth | tail -5
