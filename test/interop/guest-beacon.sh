# Runs inside the guest: Linux scans until its kernel has told user space of an advert whose data is WANT (hex), TRIES times at most. Then
# comes, between two marks, all that btmon has seen. WANT is set in a line before these.
btattach -B /dev/ttyS1 -P h4 -S 115200 > /tmp/btattach.log 2>&1 &
for i in $(seq 100); do hciconfig hci0 2> /dev/null | grep -q 'BD Address: 00:AA' && break; sleep 0.1; done
btmon -w /tmp/mon.snoop > /dev/null 2>&1 &
sleep 0.5
timeout 5 btmgmt --index 0 power on
# Device Found ends with the length of the data, two bytes, and the data.
found=$(printf %02x $((${#WANT} / 2)))00$WANT
for i in $(seq ${TRIES:-6}); do
  timeout 2.5 btmgmt --index 0 find -l
  sleep 0.3
  timeout 2 btmgmt --index 0 stop-find -l > /dev/null 2>&1
  hexdump -ve '1/1 "%02x"' /tmp/mon.snoop | grep -q "$found" && break
done
cat /tmp/btattach.log
dmesg | grep -i bluetooth | tail -5
echo "MONITOR BEGINS"
busybox base64 /tmp/mon.snoop
echo "MONITOR ENDS"
