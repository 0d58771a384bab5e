// The vendor's client.     node workspace.mjs BASE-URL DN

import { work } from "./desk.mjs";
import WorkspaceApi from "genesys-workspace-client-js";

let api;

await work({
    async start(base, code, heard, called) {
        api = new WorkspaceApi("", base, false);
        api.on("EventUserEvent", (message) => heard(message.data.userData));
        api.on("CallStateChanged", called);
        await api.initialize({ code, redirectUri: "http://desk/cb" });
        return api.user.userName;
    },
    activate: (dn) => api.activateChannels(dn, dn),
    say: (pairs) => api.voice.sendUserEvent(pairs),
    attach: (call, pairs) => api.voice.attachUserData(call, pairs),
    release: (call) => api.voice.releaseCall(call),
    stop: () => api.destroy(),
});
