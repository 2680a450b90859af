// Requests to the server; every change carries the session's secret. A failure is an Error with a status and a sentence.

export class Talk {
  constructor(form) { this.form = form; }

  async post(path, told = {}) {
    let answer;
    try {
      answer = await fetch(path, {
        method: "POST", body: JSON.stringify(told), redirect: "error",
        headers: { "Content-Type": "application/json", "X-Form-Token": this.form },
      });
    } catch {
      throw Object.assign(new Error("The server cannot be reached; nothing is lost, try again."), { status: 0 });
    }
    const said = await answer.json().catch(() => ({ message: "The server's answer cannot be read; try again." }));
    if (!answer.ok) throw Object.assign(new Error(said.message), { status: answer.status });
    return said;
  }
}
