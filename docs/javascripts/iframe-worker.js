// Pages opened from a folder may start no Worker, and the search is one: there it runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow

      // One after another, since each may need what an earlier one defines.
      const load = (...addresses) =>
        addresses.reduce((before, address) => before.then(() => this.run(address)), Promise.resolve())

      inside.importScripts = load
      inside.postMessage = (data) => {
        const event = new MessageEvent("message", { data })
        this.dispatchEvent(event)
        this.onmessage?.(event)
      }
      this.ready = load(url)
    }

    run(address) {
      return new Promise((resolve, reject) => {
        const script = this.frame.contentDocument.createElement("script")
        script.src = address
        script.onload = resolve
        script.onerror = () => {
          const event = new ErrorEvent("error", { message: `${address} could not be loaded` })
          this.dispatchEvent(event)
          this.onerror?.(event)
          reject(new Error(event.message))
        }
        this.frame.contentDocument.body.append(script)
      })
    }

    postMessage(data) {
      const inside = this.frame.contentWindow
      this.ready.then(() => inside.dispatchEvent(new inside.MessageEvent("message", { data: structuredClone(data) })))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
