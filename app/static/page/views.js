// The views, in the order of their tabs. Each module has `show(panel, alive)`, and is loaded when its view is first shown.

export const VIEWS = [
  { id: "overview", title: "Overview", load: () => import("./views/overview.js") },
  { id: "data", title: "Data", load: () => import("./views/data.js") },
  { id: "who-pays", title: "Who pays", load: () => import("./views/pays.js") },
  { id: "fairness", title: "Fairness", load: () => import("./views/fairness.js") },
  { id: "trilemma", title: "Trilemma", load: () => import("./views/trilemma.js") },
  { id: "frontier", title: "Frontier", load: () => import("./views/frontier.js") },
  { id: "diagnostics", title: "Diagnostics", load: () => import("./views/diagnostics.js") },
  { id: "one-account", title: "One account", load: () => import("./views/account.js") },
  { id: "verify", title: "Verify", load: () => import("./views/verify.js") },
  { id: "contracts", title: "Contracts", load: () => import("./views/contracts.js") },
];
