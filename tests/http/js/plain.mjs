// The CometD client, and requests by hand.     node plain.mjs BASE-URL DN

import { tell, work } from "./desk.mjs";
import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

adapt();

const cometd = new CometD();
let workspace, cookie;

// Every reply bears the id of a message that has none yet; what does not is told.
const unanswered = new Set();
cometd.registerExtension("ids", {
    outgoing(message) {
        unanswered.add(message.id);
        return message;
    },
    incoming(message) {
        if (message.channel.startsWith("/meta/") && !unanswered.delete(message.id)) {
            tell({ stray: message });
        }
        return message;
    },
});

async function post(path, content) {
    const reply = await fetch(`${workspace}/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...(cookie ? { Cookie: cookie } : {}) },
        body: content === undefined ? undefined : JSON.stringify(content),
    });
    const body = await reply.json();
    if (!reply.ok) {
        throw new Error(`${path}: ${reply.status} ${JSON.stringify(body)}`);
    }
    return reply;
}

function subscribe(channel, heard) {
    return new Promise((resolve, reject) => {
        cometd.subscribe(channel, heard, (reply) => (reply.successful ? resolve(reply) : reject(reply)));
    });
}

await work({
    async start(base, code, heard, called) {
        workspace = `${base}/workspace/v3`;
        const reply = await post(`initialize-workspace?code=${code}&redirect_uri=http://desk/cb`);
        cookie = reply.headers.getSetCookie()[0].split(";")[0];
        cometd.configure({ url: `${workspace}/notifications`, requestHeaders: { Cookie: cookie } });
        await new Promise((resolve) => {
            cometd.handshake((answer) => {
                const transport = answer.failure?.connectionType ?? cometd.getTransport().type;
                tell({ did: "handshake", transport, successful: answer.successful });
                if (answer.successful) {
                    resolve(); // where a transport fails, the next one is tried
                }
            });
        });
        const initialized = new Promise((resolve) => {
            subscribe("/workspace/v3/initialization", ({ data }) => data.state === "Complete" && resolve(data.data));
        });
        await subscribe("/workspace/v3/voice", ({ data }) => {
            if (data.messageType === "EventUserEvent") {
                heard(data.userData);
            } else if (data.messageType === "CallStateChanged") {
                called(data);
            }
        });
        return (await initialized).user.userName;
    },
    activate: (dn) => post("activate-channels", { data: { agentId: dn, dn } }),
    say: (userData) => post("voice/send-user-event", { data: { userData } }),
    attach: (call, userData) => post(`voice/calls/${call}/attach-user-data`, { data: { userData } }),
    release: (call) => post(`voice/calls/${call}/release`, {}),
    async stop() {
        await new Promise((resolve) => cometd.disconnect(resolve));
        await post("logout");
    },
});
