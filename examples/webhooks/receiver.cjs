// A receiver: node receiver.cjs PORT, with the secret in WEBHOOK_SECRET. Needs `npm install standardwebhooks`.
const http = require("node:http");
const { Webhook } = require("standardwebhooks");

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set();

http
  .createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8"); // as it came: parsing comes later
    let message;
    try {
      message = webhook.verify(body, request.headers);
    } catch {
      return response.writeHead(401).end();
    }
    if (!seen.has(request.headers["webhook-id"])) { // a message may come twice
      seen.add(request.headers["webhook-id"]);
      console.log(message.type, message.data.id, message.data.video_url);
    }
    response.writeHead(204).end();
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
