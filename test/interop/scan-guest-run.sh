# Runs inside the guest: Linux advertises, first so that nobody can ask or connect, then connectable with a scan response. FIRST, SECOND and
# RESPONSE (hex) are set in lines before these.
btattach -B /dev/ttyS1 -P h4 -S 115200 > /tmp/btattach.log 2>&1 &
for i in $(seq 100); do hciconfig hci0 2> /dev/null | grep -q 'BD Address: 00:AA' && break; sleep 0.1; done
timeout 5 btmgmt --index 0 power on
timeout 5 btmgmt --index 0 add-adv -d $FIRST 1
sleep 3
timeout 5 btmgmt --index 0 rm-adv 1
timeout 5 btmgmt --index 0 add-adv -c -d $SECOND -s $RESPONSE 2
sleep 3
timeout 5 btmgmt --index 0 rm-adv 2
cat /tmp/btattach.log
dmesg | grep -i bluetooth | tail -5
