# For health_alarm_notify.conf of a Netdata Agent: sends every notification to twake-bridge, in the place of the
# custom_sender() that is there. curl does the quoting, so any text passes, and the token is in no list of processes.
SEND_CUSTOM="YES"
DEFAULT_RECIPIENT_CUSTOM="twake"        # any word, but not none
TWAKE_BRIDGE_URL="https://bridge.example.org/hooks/netdata"
TWAKE_BRIDGE_TOKEN="the secret of the source"

custom_sender() {
    local fields=() field
    for field in host name chart family info status old_status value_string old_value_string duration \
        non_clear_duration when unique_id alarm_id event_id classification roles goto_url; do
        fields+=(--data-urlencode "${field}=${!field}")
    done
    curl --silent --show-error --fail --max-time 20 --retry 3 --output /dev/null "${fields[@]}" \
        --header @<(printf 'Authorization: Bearer %s' "${TWAKE_BRIDGE_TOKEN}") "${TWAKE_BRIDGE_URL}" && return 0
    error "twake-bridge did not take the notification that ${host} ${chart}.${name} is ${status}"
    return 1
}
