/** IndexedDB with promises. */

/** The result of a request. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when a transaction's writes are durable as far as the browser promises. */
export function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    transaction.onerror = () => reject(transaction.error);
  });
}

/** Opens a database, and gives way to another page that wants to delete it. */
export async function openDatabase(name: string, create: (fresh: IDBDatabase) => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => create(request.result);
  const database = await result<IDBDatabase>(request);
  database.onversionchange = () => database.close();
  return database;
}
