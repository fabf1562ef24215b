# Runs inside the guest: Linux and its bluetoothd are the phone. It looks for PEER by its service, connects, lists what there is, reads, writes, subscribes,
# sees the services change, leaves and comes back. PEER, SERVICE, and the UUIDs and values (decimal bytes) that are used below are set in lines before these.
# What bluetoothctl says goes to the console between lines that begin with "##".
ESC=$(printf '\033')
said() { tail -n +$((MARK + 1)) /tmp/said | tr -d '\001\002\r' | sed "s/$ESC\[[0-9;?]*[a-zA-Z]//g; s/^\[[^]]*\][#>] *//"; }
tell() { MARK=$(busybox wc -l < /tmp/said); echo "$*" >&3; }
# await PATTERN SECONDS: until bluetoothctl has said such a thing since the last `tell`
await() { n=0; while ! said | grep -qE "$1"; do n=$((n + 1)); [ $n -lt $(($2 * 5)) ] || return 1; sleep 0.2; done; }
# step NAME PATTERN SECONDS COMMAND...: has bluetoothctl do something, and waits for what it has to say
step() {
  name=$1; pattern=$2; limit=$3; shift 3
  tell "$*"
  if await "$pattern" "$limit"; then state=ok; else state=FAIL; fi
  sleep 0.3
  echo "## $name $state"; said | grep -v '^ *$'
}
select_attribute() { tell "gatt.select-attribute $1"; sleep 0.5; }

btattach -B /dev/ttyS1 -P h4 -S 115200 > /tmp/btattach.log 2>&1 &
for i in $(seq 100); do hciconfig hci0 2> /dev/null | grep -q 'BD Address: 00:AA' && break; sleep 0.1; done
mkdir -p /run/dbus
dbus-daemon --config-file=/etc/dbus-1/system.conf --fork
bluetoothd -n > /tmp/bluetoothd.log 2>&1 &
for i in $(seq 60); do timeout 3 btmgmt --index 0 info 2> /dev/null | grep -q 'current settings: powered' && break; sleep 0.3; done
mkfifo /tmp/tell
: > /tmp/said
stdbuf -oL bluetoothctl < /tmp/tell > /tmp/said 2>&1 &
exec 3> /tmp/tell
MARK=0
await 'Agent registered' 8

tell scan.uuids $SERVICE; sleep 0.3
tell scan.transport le; sleep 0.3
# The kernel drops a report that comes before its scan counts as begun, and this air reports once for each scan.
for k in 1 2 3 4 5 6; do
  step scan "Device $PEER" 3 scan on
  [ $state = FAIL ] || break
  tell scan off; sleep 1
done
tell scan off; sleep 0.5
step connect 'ServicesResolved: yes' 20 connect $PEER
step list 'Vendor specific' 5 gatt.list-attributes $PEER
select_attribute $SERIAL
step long-read '^(.. ){12} .*<058><059>' 10 gatt.read
select_attribute $MODEL
step empty-read 'Attempting to read' 5 gatt.read
select_attribute $ECHO
step short-write 'Attempting to write' 5 "gatt.write \"$SHORT\""
step long-write 'Attempting to write' 5 "gatt.write \"$WRITTEN\""
sleep 1
step read-back '([0-9a-f][0-9a-f] ){4}' 10 gatt.read
step write-command 'Attempting to write' 5 "gatt.write \"$SHORT\" 0 command"
sleep 0.5
step reliable-write 'Attempting to write' 5 "gatt.write \"$WRITTEN\" 0 reliable"
sleep 1
select_attribute $NOTIFIER
step notify '^(02 ){4} ' 10 gatt.notify on
step unsubscribe 'Notify stopped' 5 gatt.notify off
select_attribute $INDICATOR
step indicate '^0a 0b 0c ' 10 gatt.notify on
select_attribute $SSID
step ssid 'Attempting to write' 5 "gatt.write \"$SHORT\""
select_attribute $TRIGGER
step extend '0000180f' 15 'gatt.write "1"'
select_attribute $BATTERY
step battery '^64 ' 10 gatt.read
step disconnect 'Connected: no' 8 disconnect $PEER
sleep 1
step again 'ServicesResolved: yes' 20 connect $PEER
select_attribute $SERIAL
step read-again '^(.. ){12} .*<058><059>' 10 gatt.read
step leave 'Connected: no' 8 disconnect $PEER
sleep 0.5
echo "## end"
grep -vE 'vcp|mcp|bap|sap|plugin|privacy|bnep|avrcp' /tmp/bluetoothd.log | tail -20
dmesg | grep -i bluetooth | tail -5
