// What an endpoint answers, over a real socket.

import http from 'node:http'

export interface HttpAnswer {
  status: number
  type: string | undefined
  /** The header Content-Length; absent when the body is sent in chunks. */
  length: string | undefined
  body: string
}

/** Gets `path` at a port of this machine. The connection is not kept. */
export function get(port: number, path: string): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, agent: false }, response => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          body += text
        })
        response.on('end', () => {
          const { headers, statusCode = 0 } = response
          resolve({ status: statusCode, type: headers['content-type'], length: headers['content-length'], body })
        })
      })
      .on('error', reject)
  })
}
