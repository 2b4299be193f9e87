// Vercel's Slack emulator on loopback, until standard input ends. Its argument: {signingSecret, scopes, events: URL}.
// Says in one line of JSON where it listens.
//
// The emulator signs and delivers an event for every message, but it knows no mentions and subscribes nobody by
// configuration. So we take hold of its dispatcher: it delivers to `events`, and a message that mentions the bot goes
// out a second time as app_mention, as Slack does it.
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { createEmulator } from "emulate";

const { signingSecret, scopes, events } = JSON.parse(process.argv[2]);

async function slackPlugin() {
  const dist = new URL("./node_modules/emulate/dist/", import.meta.url);
  for (const file of readdirSync(dist).filter((name) => /^dist-\w+\.js$/.test(name))) {
    const module = await import(new URL(file, dist));
    if (module.slackPlugin) return module.slackPlugin;
  }
  throw new Error("the emulator has no Slack; was its version changed?");
}

const plugin = await slackPlugin();
const register = plugin.register;
let store;
let webhooks;
plugin.register = (app, itsStore, itsWebhooks, ...rest) => {
  [store, webhooks] = [itsStore, itsWebhooks];
  register(app, store, webhooks, ...rest);
};

const emulator = await createEmulator({
  service: "slack",
  port: 0,
  seed: {
    slack: {
      users: [{ name: "ann" }, { name: "sre-bot" }],
      channels: [{ name: "incidents" }],
      tokens: [
        { token: "xoxb-emulated", user: "sre-bot", scopes },
        { token: "xoxp-ann", user: "ann" },
      ],
      signing_secret: signingSecret,
      strict_scopes: true,
    },
  },
});

const dispatch = webhooks.dispatch.bind(webhooks);
webhooks.dispatch = async (kind, action, payload, ...rest) => {
  await dispatch(kind, action, payload, ...rest);
  if (kind !== "message" || !payload.event.text?.startsWith("<@")) return;
  const event = { ...payload.event, type: "app_mention", event_ts: payload.event.ts };
  const mention = { ...payload, event_id: `Ev${randomUUID().replaceAll("-", "")}`, event };
  await dispatch("app_mention", action, mention, ...rest);
};
webhooks.register({ url: events, events: ["message", "app_mention"], active: true, owner: "slack" });

console.log(JSON.stringify({ url: emulator.url }));
process.stdin.resume().on("end", () => process.exit());
