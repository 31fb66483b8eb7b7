// The official CometChat SDK, unmodified, under Node, steered by JSON lines.
//
//   stdin    {"id": 1, "do": "login", "with": {"uid": "alice", "authKey": "…"}}
//   stdout   {"id": 1, "ok": …}  or  {"id": 1, "error": {"code", "message", …}}
//            {"event": "onUserOnline", "listener": "L", "user": {…}}
//
// Trust in the emulator's certificate comes from outside: NODE_EXTRA_CA_CERTS.
"use strict";

const readline = require("node:readline");
const vm = require("node:vm");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => say({ event, message: String(error?.stack ?? error) }));
}

require("./surroundings.cjs").provide(require("ws"));

const { CometChat } = require("@cometchat/chat-sdk-javascript");

// --- commands; each answers with what the SDK's own call gave

const reporter = (kind, names, listener) =>
  Object.fromEntries(names.map((event) => [event, (user) => say({ event, listener, kind, user: user && { ...user } })]));

const requests = new Map(); // name -> UsersRequest, so that a test can page through several

const commands = {
  init({ appId, region, host, subscribe, roles, auto }) {
    const settings = new CometChat.AppSettingsBuilder().setRegion(region);
    if (subscribe === "all") settings.subscribePresenceForAllUsers();
    if (subscribe === "roles") settings.subscribePresenceForRoles(roles);
    if (subscribe === "friends") settings.subscribePresenceForFriends();
    if (auto === false) settings.autoEstablishSocketConnection(false);
    settings.overrideAdminHost(host).overrideClientHost(host);
    return CometChat.init(appId, settings.build());
  },
  login: ({ uid, authKey, authToken }) => (authToken ? CometChat.login(authToken) : CometChat.login(uid, authKey)),
  logout: () => CometChat.logout(),
  connect: () => CometChat.connect(),
  disconnect: () => CometChat.disconnect(),
  status: () => CometChat.getConnectionStatus(),
  getUser: ({ uid }) => CometChat.getUser(uid),
  getLoggedinUser: () => CometChat.getLoggedinUser(),
  getOnlineUserCount: () => CometChat.getOnlineUserCount(),

  addUserListener({ listener }) {
    const report = reporter("user", ["onUserOnline", "onUserOffline"], listener);
    CometChat.addUserListener(listener, new CometChat.UserListener(report));
  },
  removeUserListener: ({ listener }) => CometChat.removeUserListener(listener),
  addConnectionListener({ listener }) {
    const report = reporter("connection", ["onConnected", "inConnecting", "onDisconnected"], listener);
    CometChat.addConnectionListener(listener, new CometChat.ConnectionListener(report));
  },
  addLoginListener({ listener }) {
    const report = reporter("login", ["loginSuccess", "loginFailure", "logoutSuccess", "logoutFailure"], listener);
    CometChat.addLoginListener(listener, new CometChat.LoginListener(report));
  },

  // {"name": "r", "build": {"setLimit": 30, "friendsOnly": true}} makes a request, or makes it anew
  buildUsersRequest({ name, build }) {
    const builder = new CometChat.UsersRequestBuilder();
    for (const [method, argument] of Object.entries(build)) builder[method](argument);
    requests.set(name, builder.build());
  },
  fetchNext: ({ name }) => requests.get(name).fetchNext(),

  // A page's script: sees CometChat and a console whose lines are reported, no more.
  script({ source }) {
    const log = (...parts) => say({ event: "console.log", parts });
    vm.runInNewContext(source, { CometChat, console: { log } });
  },
};

async function obey(line) {
  const { id, do: command, with: options = {} } = JSON.parse(line);
  try {
    say({ id, ok: (await commands[command](options)) ?? null });
  } catch (error) {
    say({ id, error: { ...error, message: error?.message ?? String(error) } });
  }
}

let done = Promise.resolve(); // one command at a time, in order
readline.createInterface({ input: process.stdin })
  .on("line", (line) => { done = done.then(() => obey(line)); })
  .on("close", () => done.then(() => process.exit(0)));
say({ event: "ready" });
