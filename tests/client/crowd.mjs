// crowd - many socket.io-client sockets of one process at once, for the driver.
//
//     {"do":"visit","url":...,"opts":{...},"live_ms":N,"tokens":[...]}: a client each; each goes after a while. Out: {"event":"visited",connected,reasons}
//     {"do":"crowd","url":...,"opts":{...},"queries":[{...}]}: a client each, that stays. Out: {"event":"gathered",connected,errors}
//     {"do":"shout","event":...,"hear":...}: each of the crowd emits that and waits for this. Out: {"event":"heard",count,ms}
//     {"do":"go"}: the crowd disconnects
export const crowds = (io, say) => {
  let crowd = [];
  const fresh = { forceNew: true, reconnection: false };
  const tally = (reasons, reason) => { reasons[reason] = (reasons[reason] ?? 0) + 1; };

  async function visit({ url, opts = {}, live_ms, tokens }) {
    let connected = 0;
    const reasons = {};
    await Promise.all(tokens.map((token) => new Promise((done) => {
      const socket = io(url, { ...fresh, ...opts, auth: { token } });
      const end = (reason) => { tally(reasons, reason); done(); };
      socket.on("connect", () => { connected++; setTimeout(() => socket.disconnect(), live_ms); });
      socket.on("connect_error", (e) => end(e.message));
      socket.on("disconnect", end);
    })));
    say({ event: "visited", connected, reasons });
  }

  async function gather({ url, opts = {}, queries }) {
    const errors = {};
    const came = await Promise.all(queries.map((query) => new Promise((done) => {
      const socket = io(url, { ...fresh, ...opts, query });
      socket.on("connect", () => done(socket));
      socket.on("connect_error", (e) => { tally(errors, e.message); done(); });
    })));
    crowd = came.filter(Boolean);
    say({ event: "gathered", connected: crowd.length, errors });
  }

  async function shout({ event, hear }) {
    const begun = performance.now();
    await Promise.all(crowd.map((socket) => new Promise((done) => { socket.once(hear, done); socket.emit(event); })));
    say({ event: "heard", count: crowd.length, ms: performance.now() - begun });
  }

  const go = () => { for (const socket of crowd.splice(0)) socket.disconnect(); };
  return { visit, crowd: gather, shout, go };
};
