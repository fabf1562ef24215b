# Runs inside the guest: Linux and its bluetoothd are the peripheral. bluetoothctl registers an application and advertises it; what the central does with it
# bluetoothctl tells. SERVICE, the UUIDs and the values (decimal bytes) that are used below are set in lines before these.
# What bluetoothctl says goes to the console between lines that begin with "##".
ESC=$(printf '\033')
said() { tail -n +$((MARK + 1)) /tmp/said | tr -d '\001\002\r' | sed "s/$ESC\[[0-9;?]*[a-zA-Z]//g; s/^\[bluetooth\][#>] *//"; }
tell() { MARK=$(busybox wc -l < /tmp/said); echo "$*" >&3; }
# await PATTERN SECONDS: until bluetoothctl has said such a thing since the last `tell`
await() { n=0; while ! said | grep -qE "$1"; do n=$((n + 1)); [ $n -lt $(($2 * 5)) ] || return 1; sleep 0.2; done; }
# report NAME: the outcome of the last command, and all that has been said since the last `tell`
report() { echo "## $1 $state"; said | grep -v '^ *$'; }
# step NAME PATTERN SECONDS COMMAND...: has bluetoothctl do something, and waits for what it has to say
step() {
  name=$1; pattern=$2; limit=$3; shift 3
  tell "$*"
  if await "$pattern" "$limit"; then state=ok; else state=FAIL; fi
  sleep 0.3
  report "$name"
}
# register NAME PATTERN ANSWER COMMAND...: registers something; bluetoothctl asks one more thing, without ending its line
register() {
  name=$1; pattern=$2; answer=$3; shift 3
  tell "$*"
  sleep 0.3
  echo "$answer" >&3
  if await "$pattern" 5; then state=ok; else state=FAIL; fi
  report "$name"
}

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

register service 'Primary' yes gatt.register-service $SERVICE
register long 'Enter value' "$LONG" gatt.register-characteristic $LONG_UUID read
register echo 'Enter value' "$ROOM" gatt.register-characteristic $ECHO_UUID read,write
register commands 'Enter value' 0 gatt.register-characteristic $COMMANDS_UUID write-without-response
register notifier 'Enter value' "$ROOM" gatt.register-characteristic $NOTIFIER_UUID read,write,notify
register description 'Enter value' "$DESCRIPTION" gatt.register-descriptor 2901 read
register indicator 'Enter value' "$ROOM" gatt.register-characteristic $INDICATOR_UUID read,write,indicate
step application 'Application registered' 5 gatt.register-application
step list 'Primary Service' 3 gatt.list-attributes local
tell advertise.uuids $SERVICE; sleep 0.3
step advertise 'Advertising object registered|Failed' 5 advertise on
await 'ServicesResolved: no|Connected: no|DEL. Device' 60 && state=ok || state=FAIL
report session
echo "## end"
grep -vE 'vcp|mcp|bap|sap|plugin|privacy|bnep|avrcp' /tmp/bluetoothd.log | tail -20
dmesg | grep -i bluetooth | tail -5
