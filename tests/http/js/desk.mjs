// An agent's web desktop, whatever client it uses: signs in, works on records until there are none, and says on stdout,
// as JSON lines, what it does and hears. It leaves when its stdin ends.

import { Console } from "node:console";

globalThis.console = new Console(process.stderr); // stdout is ours: the clients log

const ASK_AGAIN = 200; // milliseconds after "no records"

export function tell(what) {
    process.stdout.write(JSON.stringify(what) + "\n");
}

// A list as the Agent API wants user data.
function pairs(data) {
    return Object.entries(data).map(([key, value]) => ({ key, type: Number.isInteger(value) ? "int" : "str", value }));
}

// The code of a sign-in; where to go with it is told, too.
async function signIn(base, user) {
    const reply = await fetch(`${base}/auth/v3/sign-in`, {
        method: "POST",
        body: new URLSearchParams({ username: `\\${user}`, password: user, wweURI: "http://desk/cb" }),
        redirect: "manual",
    });
    const location = new URL(reply.headers.get("location"));
    tell({ did: "sign in", status: reply.status, to: location.origin });
    return location.searchParams.get("code");
}

class Desk {
    constructor(client) {
        this.client = client;
        this.reference = 0;
        this.running = false;
        this.again = null;
    }

    async ask(request, data = {}) {
        this.reference += 1;
        const named = { GSW_AGENT_REQ_TYPE: request, GSW_APPLICATION_ID: 4113 };
        const whole = { ...named, GSW_REFERENCE_ID: this.reference, ...data };
        tell({ did: request });
        await this.client.say(pairs(whole));
        tell({ answered: request });
    }

    preview() {
        return this.ask("PreviewRecordRequest", { GSW_CAMPAIGN_NAME: "Sales" });
    }

    async hear(data) {
        tell({ heard: data.GSW_USER_EVENT ?? data.GSW_ERROR, data });
        switch (data.GSW_USER_EVENT ?? data.GSW_ERROR) {
            case "CampaignStarted":
                if (!this.running && data.GSW_CAMPAIGN_MODE === "Preview") {
                    this.running = true;
                    await this.preview();
                }
                break;
            case "PreviewRecord":
                await this.ask("RecordProcessed", { GSW_RECORD_HANDLE: data.GSW_RECORD_HANDLE, GSW_CALL_RESULT: 33 });
                break;
            case "RecordProcessedAcknowledge":
                if (this.running) {
                    await this.preview();
                }
                break;
            case "No Records Available":
                this.again = setTimeout(() => this.running && this.preview().catch(fail), ASK_AGAIN);
                break;
            case "CampaignStopped":
                this.running = false;
                break;
        }
    }

    // A call: data is attached, it is released, its record processed.
    async watch({ call, notificationType }) {
        tell({ call: call.state, why: notificationType, data: call.userData });
        const handle = call.userData.find((pair) => pair.key === "GSW_RECORD_HANDLE").value;
        if (notificationType === "AttachedDataChanged") {
            await this.client.release(call.id);
        } else if (call.state === "Established") {
            await this.client.attach(call.id, pairs({ Remark: "friendly" }));
        } else if (call.state === "Released") {
            await this.ask("RecordProcessed", { GSW_RECORD_HANDLE: handle, GSW_CALL_RESULT: 33 });
        }
    }
}

function fail(problem) {
    tell({ failed: String(problem?.stack ?? JSON.stringify(problem)) });
    process.exitCode = 1;
    process.exit();
}

// `client` has start(base, code, heard, called), activate(dn), say, attach, release, stop.
export async function work(client) {
    const [base, dn] = process.argv.slice(2);
    const desk = new Desk(client);
    process.on("unhandledRejection", fail);
    const user = await client.start(
        base,
        await signIn(base, dn),
        (data) => desk.hear(data).catch(fail),
        (call) => desk.watch(call).catch(fail),
    );
    tell({ did: "initialize", user });
    await client.activate(dn);
    tell({ did: "activate" });
    await desk.ask("CampaignStatusRequest");
    process.stdin.resume();
    process.stdin.on("end", async () => {
        clearTimeout(desk.again);
        desk.running = false;
        await client.stop();
        tell({ did: "leave" });
        process.stdin.destroy();
    });
}
