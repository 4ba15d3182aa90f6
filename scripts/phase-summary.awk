# A phase table (edgesweep export --table phase --format csv) as small planes for a terminal: a row a batch size, a
# column a learning rate; an x after the number marks a cell that diverged.
# Usage: awk -f phase-summary.awk phase.csv

BEGIN { FS = "," }

{ sub(/\r$/, "") }

NR == 1 {
  for (i = 1; i <= NF; ++i) column[$i] = i
  next
}

{
  batch = $column["batch"]
  point = $column["point"]
  if (!(batch in first_eta)) {
    batches[++batch_count] = batch
    first_eta[batch] = $column["eta"]
  }
  last_eta[batch] = $column["eta"]
  if (point + 1 > points) points = point + 1
  for (name in column) value[batch, point, name] = $column[name]
}

function number(text) {
  if (text ~ /inf/) return "inf"
  if (text == "" || text ~ /nan/) return "-"
  return sprintf("%.2g", text)
}

function plane(name, title,    b, p, mark) {
  if (!(name in column)) return
  printf "\n%s\n%6s  %-18s", title, "B", "eta"
  for (p = 0; p < points; ++p) printf " %-9s", "point " p
  printf "\n"
  for (b = 1; b <= batch_count; ++b) {
    batch = batches[b]
    printf "%6d  %-18s", batch, sprintf("%.2g .. %.2g", first_eta[batch], last_eta[batch])
    for (p = 0; p < points; ++p) {
      mark = value[batch, p, "diverged"] == 1 ? " x" : ""
      printf " %-9s", (batch, p, name) in value ? number(value[batch, p, name]) mark : ""
    }
    printf "\n"
  }
}

END {
  plane("K_initial_mean", "Noise kernel norm K before the first step (x: the cell diverged)")
  plane("K_median_second_half_mean", "K, median over the second half")
  plane("eta_hessian_lambda_max_final_mean", "Learning rate x largest Hessian eigenvalue, at the end (the edge of stability is 2)")
  plane("train_loss_final_mean", "Train loss at the end")
}
