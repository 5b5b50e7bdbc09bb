// A Zabbix media type of type Webhook, for twake-bridge: posts its parameters as one JSON object.
//
// `bridge_url` and `bridge_token` say where to; `http_proxy` may. Every other parameter becomes a field, so another macro
// is another parameter. What Zabbix could not resolve is left out.
try {
    var parameters = JSON.parse(value),
        request = new HttpRequest(),
        event = {},
        name, text, answer, status;

    if (!/^https?:\/\//.test(parameters.bridge_url)) {
        throw 'bridge_url is to be the address of the source, https://bridge.example.org/hooks/zabbix';
    }
    for (name in parameters) {
        text = String(parameters[name]);
        if (/^(bridge_url|bridge_token|http_proxy)$/.test(name) || /^(\s*|\*UNKNOWN\*|\{[A-Z$][^{}]*\})$/.test(text)) {
            continue;
        }
        event[name] = text;
    }
    try {
        event.event_tags = JSON.parse(event.event_tags);
    } catch (error) {
        event.event_tags = [];
    }

    if (parameters.http_proxy) {
        request.setProxy(parameters.http_proxy);
    }
    request.addHeader('Content-Type: application/json');
    if (parameters.bridge_token) {
        request.addHeader('Authorization: Bearer ' + parameters.bridge_token);
    }
    answer = request.post(parameters.bridge_url, JSON.stringify(event));
    status = request.getStatus();
    if (status < 200 || status > 299) {
        throw 'the bridge answered ' + status + ': ' + answer;
    }
    return answer;
} catch (error) {
    Zabbix.log(3, '[twake-bridge] ' + error);
    throw 'twake-bridge: ' + error;
}
